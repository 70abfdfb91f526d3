/// Places of a buffer that are gathered one after the other.
struct GatheredPlaces {
  /// Each place, where none are neighbours.
  private var scattered: [Int32] = []
  /// Consecutive places, otherwise.
  private var runs: [Range<Int>] = []

  init(_ places: [Int]) {
    for place in places {
      if let last = runs.last, last.upperBound == place {
        runs[runs.count - 1] = last.lowerBound..<place + 1
      } else {
        runs.append(place..<place + 1)
      }
    }
    guard runs.count == places.count else { return }
    scattered = places.map { Int32($0) }
  }

  func gather(from source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    if scattered.isEmpty {
      var target = target
      for run in runs {
        target.copy(run.count, from: source + run.lowerBound)
        target += run.count
      }
    } else {
      scattered.withUnsafeBufferPointer { scattered in
        for index in scattered.indices { target[index] = source[Int(scattered[index])] }
      }
    }
  }
}

extension UnsafeMutablePointer<Float> {
  /// Copies a few elements: a call of the system's costs more than a row of a small map.
  @inline(__always)
  fileprivate func copy(_ count: Int, from source: UnsafePointer<Float>) {
    var done = 0
    while done &+ 8 <= count {
      let eight = UnsafeRawPointer(source + done).loadUnaligned(as: SIMD8<Float>.self)
      UnsafeMutableRawPointer(self + done).storeBytes(of: eight, as: SIMD8<Float>.self)
      done &+= 8
    }
    while done < count {
      self[done] = source[done]
      done &+= 1
    }
  }
}
