extension RGBImage {
  /// A part of the image resized to `target`: first along rows, then along columns, with rounding to
  /// 8 bits between, so that every pixel is the one that Pillow computes.
  ///
  /// - Parameter window: The part of the resized image that is wanted.
  ///
  /// Reference: Pillow, src/libImaging/Resample.c, `ImagingResampleInner`.
  func resampled(
    to target: ImageSize, _ interpolation: Interpolation, window: ImageWindow
  ) -> RGBImage {
    let rows = ResamplingWeights(
      from: size.height, to: target.height, interpolation, window: window.rows)
    let isTall = target.height != size.height
    let wide = resampledRows(
      to: target.width, interpolation, rows: isTall ? rows.reach : window.rows,
      columns: window.columns)
    guard isTall else { return wide }
    return wide.resampledColumns(rows, startingAt: rows.reach.lowerBound)
  }

  /// Some rows of the image, resized to `width`; of these, some columns.
  private func resampledRows(
    to width: Int, _ interpolation: Interpolation, rows: Range<Int>, columns: Range<Int>
  ) -> RGBImage {
    let outer = ImageSize(height: rows.count, width: columns.count)
    if width == size.width { return cropped(rows: rows, columns: columns) }
    let taps = ResamplingWeights(
      from: size.width, to: width, interpolation, window: columns)
    let result = [UInt8](unsafeUninitializedCapacity: 3 * outer.pixelCount) { output, count in
      pixels.withUnsafeBufferPointer { input in
        taps.weights.withUnsafeBufferPointer { weights in
          var place = 0
          for row in rows {
            for column in 0..<outer.width {
              var (red, green, blue) =
                (ResamplingWeights.half, ResamplingWeights.half, ResamplingWeights.half)
              var source = 3 * (row * size.width + taps.starts[column])
              for tap in taps.offsets[column]..<taps.offsets[column + 1] {
                let weight = weights[tap]
                red &+= Int32(input[source]) &* weight
                green &+= Int32(input[source + 1]) &* weight
                blue &+= Int32(input[source + 2]) &* weight
                source += 3
              }
              output[place] = pixel(red)
              output[place + 1] = pixel(green)
              output[place + 2] = pixel(blue)
              place += 3
            }
          }
        }
      }
      count = 3 * outer.pixelCount
    }
    return RGBImage(size: outer, pixels: result)
  }

  /// The image with its columns resized.
  ///
  /// - Parameter first: The row of the whole image that is this one's first.
  private func resampledColumns(_ taps: ResamplingWeights, startingAt first: Int) -> RGBImage {
    let outer = ImageSize(height: taps.starts.count, width: size.width)
    let stride = 3 * size.width
    let result = [UInt8](unsafeUninitializedCapacity: 3 * outer.pixelCount) { output, count in
      pixels.withUnsafeBufferPointer { input in
        var sums = [Int32](repeating: 0, count: stride)
        sums.withUnsafeMutableBufferPointer { sums in
          for row in 0..<outer.height {
            sums.update(repeating: ResamplingWeights.half)
            var source = (taps.starts[row] - first) * stride
            for tap in taps.offsets[row]..<taps.offsets[row + 1] {
              let weight = taps.weights[tap]
              for index in 0..<stride { sums[index] &+= Int32(input[source + index]) &* weight }
              source += stride
            }
            for index in 0..<stride { output[row * stride + index] = pixel(sums[index]) }
          }
        }
      }
      count = 3 * outer.pixelCount
    }
    return RGBImage(size: outer, pixels: result)
  }

  private func cropped(rows: Range<Int>, columns: Range<Int>) -> RGBImage {
    if rows.count == size.height, columns.count == size.width { return self }
    var result: [UInt8] = []
    result.reserveCapacity(3 * rows.count * columns.count)
    for row in rows {
      let start = 3 * (row * size.width + columns.lowerBound)
      result += pixels[start..<start + 3 * columns.count]
    }
    return RGBImage(
      size: ImageSize(height: rows.count, width: columns.count), pixels: result)
  }
}

/// A sum of weighted pixels as a pixel.
@inline(__always)
private func pixel(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResamplingWeights.precision)))
}
