/// The widths a device can use for a group.
public enum WidthGrid {
  /// Ascending widths; the dense width is always the last.
  ///
  /// Multiples of `multiple` from max(multiple, ⌈ratio · W⌉) to W, and W itself. A protected
  /// group, and one narrower than the multiple, has the dense width alone.
  ///
  /// - Parameters:
  ///   - width: W, in channels.
  ///   - multiple: The device's alignment, at least 1.
  ///   - minimumKeepRatio: 0…1.
  public static func widths(
    dense width: Int, multiple: Int, minimumKeepRatio: Double, isProtected: Bool = false
  ) -> [Int] {
    guard !isProtected, multiple < width else { return [width] }
    // A ratio such as 0.1 is a little more than a tenth in binary: ⌈0.1 · 30⌉ must be 3.
    let floor = max(1, Int((minimumKeepRatio * Double(width) - 1e-9).rounded(.up)))
    let first = (floor + multiple - 1) / multiple * multiple
    return Array(stride(from: first, to: width, by: multiple)) + [width]
  }
}

extension AllocationProblem {
  /// The widths of every group that can be chosen: on the grid and with a utility.
  public func grids() -> [[Int]] {
    zip(groups, utilities).map { group, utility in
      WidthGrid.widths(
        dense: group.width, multiple: channelMultiple, minimumKeepRatio: minimumKeepRatio,
        isProtected: group.isProtected
      ).filter { utility.value(width: $0, dense: group.width) != nil }
    }
  }
}
