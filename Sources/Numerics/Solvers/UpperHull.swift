/// The upper hull of points (v, g): max g − p · v for any price p.
struct UpperHull {
  private var shapes: [Double]
  private var values: [Double]
  /// Between point i and i + 1: the price at which both are worth the same; falls with i.
  private var breaks: [Double]
  private var count = 0

  init(capacity: Int) {
    shapes = [Double](repeating: 0, count: capacity)
    values = shapes
    breaks = shapes
  }

  /// The hull of a row of values over the shape of a step's variable.
  mutating func build(
    _ row: UnsafePointer<Double>, step: TreeProgramme.Step, range: ClosedRange<Int>
  ) {
    var count = 0
    shapes.withUnsafeMutableBufferPointer { shapes in
      values.withUnsafeMutableBufferPointer { values in
        breaks.withUnsafeMutableBufferPointer { breaks in
          step.shape.withUnsafeBufferPointer { shape in
            /// Adds a point not left of those there are, and drops those it makes needless.
            func add(_ option: Int) {
              let (place, value) = (shape[option], row[option])
              if count > 0, place == shapes[count - 1] {
                guard value > values[count - 1] else { return }
                count -= 1
              }
              while count > 0 {
                let slope = (value - values[count - 1]) / (place - shapes[count - 1])
                if count == 1 || slope < breaks[count - 2] {
                  breaks[count - 1] = slope
                  break
                }
                count -= 1
              }
              shapes[count] = place
              values[count] = value
              count += 1
            }
            if step.ascending.isEmpty {
              for option in range { add(option) }
            } else {
              for option in step.ascending where range.contains(option) { add(option) }
            }
          }
        }
      }
    }
    self.count = count
  }

  /// Writes the greatest value for every assignment of the walks' variables.
  func walk(_ walks: ArraySlice<Walk>, price: Double, to target: UnsafeMutablePointer<Double>) {
    guard let first = walks.first else { return }
    if walks.count > 1 {
      for option in first.range {
        walk(
          walks.dropFirst(), price: price + first.charge[option],
          to: target + option * first.stride)
      }
      return
    }
    var place = count - 1
    shapes.withUnsafeBufferPointer { shapes in
      values.withUnsafeBufferPointer { values in
        breaks.withUnsafeBufferPointer { breaks in
          first.charge.withUnsafeBufferPointer { charge in
            for option in first.range {
              let total = price + charge[option]
              while place > 0, total > breaks[place - 1] { place -= 1 }
              while place < count - 1, total < breaks[place] { place += 1 }
              target[option * first.stride] = values[place] - total * shapes[place]
            }
          }
        }
      }
    }
  }
}
