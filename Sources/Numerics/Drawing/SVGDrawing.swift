import Foundation

/// Writes a drawing as SVG, element by element. Lengths are in pixels.
struct SVGDrawing {
  enum Anchor: String { case start, middle, end }

  private let width: Double
  private let height: Double
  private var body = ""

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  /// The whole document.
  var text: String {
    let (w, h) = (Self.number(width), Self.number(height))
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(w)" height="\(h)" viewBox="0 0 \(w) \(h)" \
      font-family="system-ui, sans-serif">
      <rect width="\(w)" height="\(h)" fill="#ffffff"/>
      \(body)</svg>

      """
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String) {
    body += """
      <rect x="\(Self.number(x))" y="\(Self.number(y))" width="\(Self.number(width))" \
      height="\(Self.number(height))" fill="\(fill)"/>

      """
  }

  /// Unit squares of one colour, at (column, row) times `unit` from (x, y).
  mutating func squares(
    _ places: [(column: Int, row: Int)], x: Double, y: Double, unit: Double, fill: String
  ) {
    guard !places.isEmpty else { return }
    let path = places.map { "M\($0.column) \($0.row)h1v1h-1z" }.joined()
    body += """
      <path transform="translate(\(Self.number(x)) \(Self.number(y))) scale(\(Self.number(unit)))" \
      fill="\(fill)" shape-rendering="crispEdges" d="\(path)"/>

      """
  }

  /// A line of text, turned by `degrees` around its place.
  mutating func text(
    _ text: String, x: Double, y: Double, size: Double, anchor: Anchor = .start,
    fill: String = "#222222", degrees: Double = 0
  ) {
    let turn =
      degrees == 0
      ? "" : " transform=\"rotate(\(Self.number(degrees)) \(Self.number(x)) \(Self.number(y)))\""
    body += """
      <text x="\(Self.number(x))" y="\(Self.number(y))" font-size="\(Self.number(size))" \
      text-anchor="\(anchor.rawValue)" fill="\(fill)"\(turn)>\(Self.escaped(text))</text>

      """
  }

  /// With at most two decimals, and none that say nothing.
  static func number(_ value: Double) -> String {
    let hundredths = (value * 100).rounded() / 100
    return hundredths == hundredths.rounded()
      ? String(Int(hundredths)) : String(format: "%g", hundredths)
  }

  /// Long names lose their middle: ends tell more.
  static func shortened(_ label: String) -> String {
    label.count <= 36 ? label : label.prefix(17) + "…" + label.suffix(18)
  }

  /// Text as XML allows it: no control characters, no markup.
  static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case let scalar where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value): "\u{FFFD}"
      case let scalar: String(scalar)
      }
    }.joined()
  }
}
