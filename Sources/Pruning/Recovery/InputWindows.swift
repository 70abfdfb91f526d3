/// What a layer's kernel reads at positions of its output.
///
/// Channels lie last, so that a row of the kernel is one run of the input: to copy it takes little
/// more than to read it.
struct InputWindows: Sendable {
  /// The column of the layer's weight, `[C, kh, kw]`, for each number of a window, `[kh, kw, C]`.
  let columns: [Int]

  private let channels: Int
  private let (height, width): (Int, Int)
  private let (rows, taps): (Int, Int)
  private let (rowStride, stride): (Int, Int)
  private let (rowDilation, dilation): (Int, Int)
  private let (top, left): (Int, Int)
  private let outputWidth: Int

  init(_ geometry: ConsumerGeometry) {
    channels = geometry.channels
    (height, width) = (geometry.height, geometry.width)
    (rows, taps) = (geometry.kernel[0], geometry.kernel[1])
    (rowStride, stride) = (geometry.strides[0], geometry.strides[1])
    (rowDilation, dilation) = (geometry.dilations[0], geometry.dilations[1])
    (top, left) = (geometry.padsBefore[0], geometry.padsBefore[1])
    outputWidth = geometry.outputWidth
    let (channels, kernel) = (geometry.channels, geometry.kernel[0] * geometry.kernel[1])
    columns = (0..<kernel).flatMap { tap in (0..<channels).map { $0 * kernel + tap } }
  }

  /// Copies the window of an output position, zeros where it reaches over the edge.
  ///
  /// - Parameters:
  ///   - image: `[H, W, C]`.
  ///   - target: Room for all columns.
  func copy(
    at position: Int, of image: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
  ) {
    let (y, x) = position.quotientAndRemainder(dividingBy: outputWidth)
    var (target, row) = (target, y &* rowStride &- top)
    let first = x &* stride &- left
    // Taps that lie side by side are a run; with a dilation, each is one by itself.
    let run = dilation == 1 ? taps : 1
    for _ in 0..<rows {
      var column = first
      for _ in 0..<taps / run {
        let inside = row >= 0 && row < height
        let before = inside ? min(max(0 &- column, 0), run) : run
        let after = inside ? min(max(column &+ run &- width, 0), run &- before) : 0
        let count = run &- before &- after
        target.update(repeating: 0, count: before &* channels)
        if count > 0 {
          (target + before &* channels).update(
            from: image + (row &* width &+ column &+ before) &* channels, count: count &* channels)
        }
        (target + (before &+ count) &* channels).update(repeating: 0, count: after &* channels)
        target += run &* channels
        column = column &+ dilation
      }
      row = row &+ rowDilation
    }
  }
}
