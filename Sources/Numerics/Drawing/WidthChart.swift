/// How wide the layers of a network were and are, as bars.
public struct WidthChart: Sendable, Hashable {
  /// A layer's channels before and after.
  public struct Bar: Sendable, Hashable {
    public var label: String
    public var before: Int
    public var after: Int

    public init(label: String, before: Int, after: Int) {
      self.label = label
      self.before = before
      self.after = after
    }
  }

  public var title: String
  /// From the network's beginning to its end.
  public var bars: [Bar]

  public init(title: String, bars: [Bar]) {
    self.title = title
    self.bars = bars
  }

  private static let row = 18.0
  private static let longest = 480.0
  private static let colours = (before: "#d5dbe3", after: "#3b528b")

  /// The drawing, an SVG document: a row for each layer, the widths it had behind those it has.
  public var svg: String {
    let labels = bars.map { SVGDrawing.shortened($0.label) }
    // 0.62 of its size is a wide letter's width.
    let left = 16 + (labels.map { Double($0.count) }.max() ?? 0) * 11 * 0.62
    let widest = Double(max(bars.map { max($0.before, $0.after) }.max() ?? 1, 1))
    let (top, right) = (64.0, left + Self.longest)
    var drawing = SVGDrawing(
      width: max(right + 110, 24 + Double(title.count) * 9),
      height: top + Self.row * Double(bars.count) + 16)
    drawing.text(title, x: 12, y: 24, size: 15)
    for (place, (name, colour)) in [("before", Self.colours.before), ("after", Self.colours.after)]
      .enumerated()
    {
      let x = left + 90 * Double(place)
      drawing.rectangle(x: x, y: 38, width: 12, height: 12, fill: colour)
      drawing.text(name, x: x + 18, y: 48, size: 11)
    }
    for (place, (bar, label)) in zip(bars, labels).enumerated() {
      let y = top + Self.row * Double(place)
      drawing.text(label, x: left - 8, y: y + 12, size: 11, anchor: .end)
      for (channels, colour, inset) in [
        (bar.before, Self.colours.before, 1.0), (bar.after, Self.colours.after, 4.0),
      ] {
        drawing.rectangle(
          x: left, y: y + inset, width: Self.longest * Double(channels) / widest,
          height: Self.row - 2 * inset, fill: colour)
      }
      drawing.text(
        bar.before == bar.after ? "\(bar.before)" : "\(bar.before) → \(bar.after)",
        x: left + Self.longest * Double(max(bar.before, bar.after)) / widest + 8, y: y + 12,
        size: 11)
    }
    return drawing.text
  }
}
