import Foundation
import LinearAlgebra

/// A square matrix as coloured cells with labels and a scale, for 2 to some hundred rows.
public struct HeatMap: Sendable, Hashable {
  public var title: String
  /// Of rows and columns alike.
  public var labels: [String]
  public var values: Matrix
  /// What the ends of the colour scale stand for; values outside take an end's colour.
  public var range: ClosedRange<Double>

  /// - Precondition: The matrix is square, with a label for every row, and the range is not empty.
  public init(
    title: String, labels: [String], values: Matrix, range: ClosedRange<Double> = 0...1
  ) {
    precondition(
      values.rows == labels.count && values.columns == labels.count && range.lowerBound.isFinite
        && range.upperBound.isFinite && range.lowerBound < range.upperBound,
      "\(labels.count) labels for \(values.rows) × \(values.columns) values, range \(range)")
    self.title = title
    self.labels = labels
    self.values = values
    self.range = range
  }

  /// Colours told apart.
  private static let levels = 100

  /// The drawing, an SVG document.
  public var svg: String {
    let layout = Layout(title: title, labels: labels)
    var drawing = SVGDrawing(width: layout.width, height: layout.height)
    drawing.text(title, x: 12, y: 24, size: 15)
    drawCells(layout, into: &drawing)
    drawLabels(layout, into: &drawing)
    drawScale(layout, into: &drawing)
    return drawing.text
  }

  private func drawCells(_ layout: Layout, into drawing: inout SVGDrawing) {
    var places = [[(column: Int, row: Int)]](repeating: [], count: Self.levels + 1)
    var missing: [(column: Int, row: Int)] = []
    for row in labels.indices {
      for column in labels.indices {
        if let share = share(values[row, column]) {
          places[Int((share * Double(Self.levels)).rounded())].append((column, row))
        } else {
          missing.append((column, row))
        }
      }
    }
    for (level, places) in places.enumerated() {
      drawing.squares(
        places, x: layout.left, y: layout.top, unit: layout.cell,
        fill: Self.colour(Double(level) / Double(Self.levels)))
    }
    drawing.squares(missing, x: layout.left, y: layout.top, unit: layout.cell, fill: "#bbbbbb")
    guard layout.cell >= 26 else { return }
    for row in labels.indices {
      for column in labels.indices {
        let value = values[row, column]
        drawing.text(
          value.isFinite ? String(format: "%.2f", value) : "–",
          x: layout.left + (Double(column) + 0.5) * layout.cell,
          y: layout.top + (Double(row) + 0.5) * layout.cell + 3.5, size: 10, anchor: .middle,
          fill: (share(value) ?? 1) > 0.6 ? "#222222" : "#ffffff")
      }
    }
  }

  private func drawLabels(_ layout: Layout, into drawing: inout SVGDrawing) {
    for index in stride(from: 0, to: labels.count, by: layout.labelStep) {
      let middle = (Double(index) + 0.5) * layout.cell + layout.fontSize * 0.35
      let text = SVGDrawing.shortened(labels[index])
      drawing.text(
        text, x: layout.left - 6, y: layout.top + middle, size: layout.fontSize, anchor: .end)
      drawing.text(
        text, x: layout.left + middle, y: layout.top - 6, size: layout.fontSize, degrees: -90)
    }
  }

  private func drawScale(_ layout: Layout, into drawing: inout SVGDrawing) {
    let x = layout.left + layout.side + 16
    let step = layout.side / Double(Self.levels)
    for level in 0..<Self.levels {
      drawing.rectangle(
        // A little higher than the step, so that no seam shows.
        x: x, y: layout.top + layout.side - Double(level + 1) * step, width: 14,
        height: step + 0.5, fill: Self.colour((Double(level) + 0.5) / Double(Self.levels)))
    }
    for tick in 0...4 {
      let share = Double(tick) / 4
      let value = range.lowerBound + share * (range.upperBound - range.lowerBound)
      drawing.text(
        SVGDrawing.number(value), x: x + 20, y: layout.top + layout.side * (1 - share) + 3.5,
        size: 10)
    }
  }

  /// Where a value lies in the range, 0…1; nil where it is not a number.
  private func share(_ value: Double) -> Double? {
    guard !value.isNaN else { return nil }
    let clamped = min(max(value, range.lowerBound), range.upperBound)
    return (clamped - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  /// Viridis, by five of its colours and straight lines between: lighter is more, for colour-blind
  /// readers and grey printers too.
  ///
  /// Reference: Smith, van der Walt, matplotlib 1.5.
  static func colour(_ share: Double) -> String {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37),
    ]
    let place = min(max(share, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let part = place - Double(index)
    let (a, b) = (stops[index], stops[index + 1])
    func mix(_ a: Double, _ b: Double) -> Int { Int((a + (b - a) * part).rounded()) }
    return String(format: "#%02x%02x%02x", mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
  }
}

extension HeatMap {
  /// Where things are.
  private struct Layout {
    let cell: Double
    let fontSize: Double
    /// Every so many labels are written.
    let labelStep: Int
    let left: Double
    let top: Double
    let side: Double
    let width: Double
    let height: Double

    init(title: String, labels: [String]) {
      let count = Double(labels.count)
      cell = min(36, max(4, (720 / count).rounded(.down)))
      fontSize = min(11, max(7, cell - 1))
      labelStep = max(1, Int(((fontSize + 1) / cell).rounded(.up)))
      side = cell * count
      // 0.62 of its size is a wide letter's width.
      let longest = labels.map { Double(SVGDrawing.shortened($0).count) }.max() ?? 0
      left = (16 + longest * fontSize * 0.62).rounded(.up)
      top = (40 + longest * fontSize * 0.62).rounded(.up)
      width = max(left + side + 70, 24 + Double(title.count) * 9)
      height = top + side + 16
    }
  }
}
