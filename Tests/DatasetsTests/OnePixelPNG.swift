import Foundation

/// A PNG file of one pixel, with 1 for green and 2 for blue.
func onePixelPNG(red: UInt8) -> Data {
  let header = bigEndian(1) + bigEndian(1) + [8, 2, 0, 0, 0]
  let row: [UInt8] = [0, red, 1, 2]
  var (low, high): (UInt32, UInt32) = (1, 0)
  for byte in row {
    low += UInt32(byte)
    high += low
  }
  // A stored block of zlib: no compression.
  let block: [UInt8] = [0x78, 0x01, 1, 4, 0, 251, 255]
  let data = block + row + bigEndian(high << 16 | low)
  let signature: [UInt8] = [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
  return Data(signature + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", []))
}

private func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
  let body = Array(name.utf8) + content
  return bigEndian(UInt32(content.count)) + body + bigEndian(checksum(body))
}

private func bigEndian(_ number: UInt32) -> [UInt8] {
  withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

/// CRC-32, bit by bit.
private func checksum(_ bytes: [UInt8]) -> UInt32 {
  var sum = ~UInt32(0)
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 {
      let isOdd = sum & 1 == 1
      sum >>= 1
      if isOdd { sum ^= 0xEDB8_8320 }
    }
  }
  return ~sum
}
