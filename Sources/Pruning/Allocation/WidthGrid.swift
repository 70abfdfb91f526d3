/// The widths a device can use for a group.
public enum WidthGrid {
  /// Ascending widths; the dense width is the last where no maximum forbids it.
  ///
  /// Multiples of `multiple` from max(multiple, ⌈ratio · W⌉) to W, and W itself. A protected
  /// group, and one narrower than the multiple, has the dense width alone.
  ///
  /// - Parameters:
  ///   - width: W, in channels.
  ///   - multiple: The device's alignment, at least 1.
  ///   - minimumKeepRatio: 0…1.
  ///   - minimum: The least width, in channels; W where it is more.
  ///   - maximum: The greatest width, in channels.
  public static func widths(
    dense width: Int, multiple: Int, minimumKeepRatio: Double, isProtected: Bool = false,
    minimum: Int? = nil, maximum: Int? = nil
  ) -> [Int] {
    let greatest = maximum ?? width
    guard !isProtected, multiple < width else { return width <= greatest ? [width] : [] }
    // A ratio such as 0.1 is a little more than a tenth in binary: ⌈0.1 · 30⌉ must be 3.
    let share = Int((minimumKeepRatio * Double(width) - 1e-9).rounded(.up))
    let floor = max(1, share, min(minimum ?? 1, width))
    let first = (floor + multiple - 1) / multiple * multiple
    return (Array(stride(from: first, to: width, by: multiple)) + [width]).filter { $0 <= greatest }
  }
}

extension AllocationProblem {
  /// The widths of every group that can be chosen: on the grid and with a utility.
  public func grids() -> [[Int]] {
    zip(groups, utilities).map { group, utility in
      WidthGrid.widths(
        dense: group.width, multiple: group.multiple ?? channelMultiple,
        minimumKeepRatio: minimumKeepRatio, isProtected: group.isProtected,
        minimum: group.minimum, maximum: group.maximum
      ).filter { utility.value(width: $0, dense: group.width) != nil }
    }
  }
}
