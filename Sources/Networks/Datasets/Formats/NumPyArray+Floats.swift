extension NumPyArray {
  /// The elements as 32-bit floats: floating-point numbers rounded, whole numbers exactly.
  ///
  /// - Throws: ``DatasetError`` with `shape` for other types, for whole numbers that a float does
  ///   not hold, and for numbers that are not finite.
  func floats() throws(DatasetError) -> [Float] {
    let values: [Float]
    switch (type.kind, type.size) {
    case ("f", 2): values = elements(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case ("f", 4): values = elements(UInt32.self) { Float(bitPattern: $0) }
    case ("f", 8): values = elements(UInt64.self) { Float(Double(bitPattern: $0)) }
    case ("b", 1): values = elements(UInt8.self) { $0 == 0 ? 0 : 1 }
    default:
      guard let whole = integers else {
        throw DatasetError(
          .shape,
          "\(place) is of type \(type); a network reads numbers: use array.astype(np.float32)")
      }
      values = whole.map { Float($0) }
      if let index = whole.indices.first(where: { Int(exactly: values[$0]) != whole[$0] }) {
        throw DatasetError(
          .shape,
          "\(place): element \(index) is \(whole[index]), which no 32-bit float holds exactly; "
            + "scale the numbers")
      }
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw DatasetError(
        .shape,
        "\(place): element \(index) is \(values[index]) as a 32-bit float; a network reads finite "
          + "numbers")
    }
    return values
  }

  private func elements<Bits: FixedWidthInteger>(
    _: Bits.Type, _ convert: (Bits) -> Float
  ) -> [Float] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / (Bits.bitWidth / 8)).map { index in
        let bits = raw.loadUnaligned(fromByteOffset: index * (Bits.bitWidth / 8), as: Bits.self)
        return convert(isBigEndian ? Bits(bigEndian: bits) : Bits(littleEndian: bits))
      }
    }
  }
}
