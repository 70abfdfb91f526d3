import Devices
import Foundation
import Quantities
import TestSupport
import Testing

@Suite(.tags(.pure))
struct DeviceCatalogueTests {
  @Test("a full device is read")
  func fullDevice() throws {
    let devices = try DeviceCatalogue.parse(
      """
      version: 1
      devices:
        - name: pixel-8
          class: phone
          budgets: {model_bytes: 1.5MB, macs: 60M, parameters: 40%}
          channel_multiple: 8
          minimum_keep_ratio: 0.25
          description: a phone
          source: https://example.org/datasheet
      """, file: "devices.yaml")
    let expected = DeviceProfile(
      name: "pixel-8", deviceClass: "phone",
      budgets: [
        Budget(resource: .macs, amount: .absolute(60e6)),
        Budget(resource: .parameters, amount: .share(0.4)),
        Budget(resource: .modelBytes, amount: .absolute(1.5e6)),
      ], channelMultiple: 8, minimumKeepRatio: 0.25, summary: "a phone",
      source: "https://example.org/datasheet")
    #expect(devices == [expected])
  }

  @Test("defaults are one channel, a tenth of the channels and the class other")
  func defaults() throws {
    let devices = try DeviceCatalogue.parse(
      "version: 1\ndevices:\n- {name: a, budgets: {macs: 50%}}\n- {name: b, budgets: {macs: 9}}\n",
      file: "d.yaml")
    #expect(devices.map(\.name) == ["a", "b"])
    #expect(devices[0].channelMultiple == 1)
    #expect(devices[0].minimumKeepRatio == 0.1)
    #expect(devices[0].deviceClass == "other")
  }

  @Test("limits are whole numbers within the budget")
  func limits() {
    #expect(Budget(resource: .macs, amount: .share(0.5)).limit(dense: 101) == 50)
    #expect(Budget(resource: .macs, amount: .absolute(60e6)).limit(dense: 1) == 60_000_000)
  }

  @Test("devices survive coding, under the catalogue's names")
  func coding() throws {
    let device = DeviceProfile(
      name: "watch", budgets: [Budget(resource: .modelBytes, amount: .share(0.2))])
    let text = try JSONEncoder().encode(device)
    #expect(String(decoding: text, as: UTF8.self).contains(#""minimum_keep_ratio":0.1"#))
    #expect(try JSONDecoder().decode(DeviceProfile.self, from: text) == device)
  }

  @Test("alignment by operator, bits and rules for groups are read, and survive coding")
  func widths() throws {
    let devices = try DeviceCatalogue.parse(
      """
      version: 1
      devices:
        - name: npu
          budgets: {weight_bytes: 300kB}
          channel_multiple: {convolution: 8, depthwise: 16, default: 2}
          weight_bits: 4
          widths:
            conv1: keep
            "layer1.*": {minimum: 8, maximum: 24}
      """, file: "devices.yaml")
    let expected = DeviceProfile(
      name: "npu", budgets: [Budget(resource: .weightBytes, amount: .absolute(300e3))],
      channelMultiple: 2,
      operatorMultiples: [
        OperatorMultiple(kind: .convolution, multiple: 8),
        OperatorMultiple(kind: .depthwise, multiple: 16),
      ], weightBits: 4,
      widthRules: [
        WidthRule(group: "conv1", stays: true, line: 8),
        WidthRule(group: "layer1.*", minimum: 8, maximum: 24, line: 9),
      ])
    #expect(devices == [expected])
    #expect(expected.multiple(of: [.convolution, .gemm]) == 8)
    #expect(expected.multiple(of: [.gemm]) == 2)
    #expect(expected.widthRules[1].matches("layer1.0.conv2"))
    #expect(!expected.widthRules[0].matches("conv10"))
    let data = try JSONEncoder().encode(expected)
    #expect(try JSONDecoder().decode(DeviceProfile.self, from: data) == expected)
    #expect(expected.withoutRemarks.widthRules.allSatisfy { $0.line == nil })
  }

  @Test("a device that asks for nothing new is coded as before")
  func oldCoding() throws {
    let device = DeviceProfile(
      name: "watch", budgets: [Budget(resource: .macs, amount: .share(0.2))])
    let text = String(decoding: try JSONEncoder().encode(device), as: UTF8.self)
    #expect(!text.contains("weight_bits") && !text.contains("widths"))
    #expect(!text.contains("operator_multiples"))
  }

  @Test("the example catalogue is valid")
  func example() throws {
    let devices = try DeviceCatalogue.read(Fixtures.root.appending(path: "Examples/devices.yaml"))
    #expect(devices.count >= 10)
    #expect(devices.allSatisfy { $0.source != nil && $0.deviceClass != "other" })
  }

  @Test("a file that is missing or no text is named")
  func unreadable() throws {
    let missing = URL(filePath: "/nowhere/devices.yaml")
    let error = #expect(throws: DeviceCatalogueError.self) { try DeviceCatalogue.read(missing) }
    #expect(error?.code == .unreadable)
    #expect(error?.message.hasPrefix("/nowhere/devices.yaml: does not exist") == true)

    let binary = FileManager.default.temporaryDirectory
      .appending(path: "devices-\(UUID().uuidString).yaml")
    try Data([0xFF, 0xFE, 0x80]).write(to: binary)
    defer { try? FileManager.default.removeItem(at: binary) }
    let other = #expect(throws: DeviceCatalogueError.self) { try DeviceCatalogue.read(binary) }
    #expect(other?.message.contains("UTF-8") == true)
  }
}
