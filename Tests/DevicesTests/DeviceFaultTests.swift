import Devices
import TestSupport
import Testing

@Suite(.tags(.pure))
struct DeviceFaultTests {
  /// The faults of a catalogue as "line: message".
  private func faults(_ text: String) -> [String] {
    do {
      _ = try DeviceCatalogue.parse(text, file: "d.yaml")
      return []
    } catch {
      return error.faults.map { "\($0.line): \($0.message)" }
    }
  }

  /// The only fault of a device with these lines below its name, which is in line 3.
  private func fault(device lines: String...) -> String {
    let body = lines.map { "  " + $0 }.joined(separator: "\n")
    let faults = faults("version: 1\ndevices:\n- name: a\n\(body)\n")
    #expect(faults.count == 1, "\(faults)")
    return faults.first ?? ""
  }

  @Test("an unknown key is named with its line and the nearest known key")
  func unknownKeys() {
    #expect(
      fault(device: "budgets: {macs: 1M}", "chanel_multiple: 8")
        == "5: 'chanel_multiple' is no key of a device; did you mean 'channel_multiple'?")
    #expect(
      fault(device: "budgets:", "  macs: 1M", "  mac: 2M")
        == "6: 'mac' is no key of budgets; did you mean 'macs'?")
    #expect(fault(device: "budgets: {macs: 1M}", "colour: red").contains("known are name, class"))
    #expect(
      faults("version: 1\ndevice: []\ndevices:\n- {name: a, budgets: {macs: 1}}") == [
        "2: 'device' is no key of a catalogue; did you mean 'devices'?"
      ])
  }

  @Test("a duplicate name is reported with both lines")
  func duplicateName() {
    let text = """
      version: 1
      devices:
      - {name: a, budgets: {macs: 1M}}
      - {name: b, budgets: {macs: 1M}}
      - {name: a, budgets: {macs: 1M}}
      """
    #expect(
      faults(text) == ["5: the name 'a' is taken by the device in line 3; choose another"])
  }

  @Test(
    "a budget that limits nothing or everything is refused",
    arguments: [
      ("macs: -5M", "negative"), ("macs: many", "start with a number"), ("macs: 0", "at least 1"),
      ("macs: 0.5", "50%"), ("parameters: 0%", "above 0%"), ("macs: 150%", "at most 100%"),
      ("macs: 2MB", "unit of bytes"), ("model_bytes: [1]", "a list"),
      ("macs:", "nothing is written"),
      ("model_bytes: 5 XB", "no unit"),
    ])
  func budgets(entry: String, reason: String) {
    let message = fault(device: "budgets:", "  " + entry)
    #expect(message.hasPrefix("5: "))
    #expect(message.contains(reason), "\(message)")
  }

  @Test("contradictory widths and alignments are refused with their line")
  func widths() {
    func message(_ lines: String...) -> String {
      fault(device: "budgets: {macs: 1M}\n" + lines.map { "  " + $0 }.joined(separator: "\n"))
    }
    #expect(
      message("widths:", "  conv1: {minimum: 9, maximum: 8}")
        == "6: conv1: minimum 9 is above maximum 8; exchange or relax them")
    #expect(
      message("channel_multiple: 16", "widths:", "  conv1: {maximum: 8}")
        .hasPrefix("7: conv1: no multiple of 16 is at most 8"))
    #expect(
      message("channel_multiple: 16", "widths:", "  conv1: {minimum: 17, maximum: 31}")
        .hasPrefix("7: conv1: no multiple of 16 lies in 17…31"))
    #expect(message("widths: {conv1: stay}").contains("write 'keep' or {minimum"))
    #expect(
      message("widths: {conv1: {least: 3}}").contains("'least' is no key of a group's widths"))
    #expect(message("widths: {conv1: {minimum: 0}}").contains("of at least 1"))
    #expect(
      message("channel_multiple: {depthwise: 0}").hasPrefix("5: channel_multiple of depthwise"))
    #expect(message("weight_bits: 8").contains("without a budget of weight_bytes"))
    #expect(
      fault(device: "budgets: {weight_bytes: 1MB}", "weight_bits: 65").contains("from 1 to 64"))
  }

  @Test("a device without a name or without limits is a fault")
  func missing() {
    #expect(fault(device: "class: phone").contains("device 'a' has no budgets"))
    #expect(fault(device: "budgets: {}").contains("limit nothing"))
    #expect(fault(device: "budgets: 50%").contains("limit nothing"))
    #expect(
      faults("version: 1\ndevices:\n- budgets: {macs: 1M}") == [
        "3: this device has no name; add 'name: …'"
      ])
    #expect(faults("version: 1\ndevices:\n- {name: '', budgets: {macs: 1}}").count == 1)
    #expect(faults("version: 1\ndevices: [phone]")[0].contains("'phone' is no device"))
  }

  @Test(
    "multiples below one and ratios outside 0…1 are refused", arguments: ["0", "-4", "two", "1.5"])
  func ranges(value: String) {
    let multiple = fault(device: "budgets: {macs: 1M}", "channel_multiple: \(value)")
    #expect(multiple.hasPrefix("5: channel_multiple is '\(value)'"))
    let ratio = fault(device: "budgets: {macs: 1M}", "minimum_keep_ratio: \(value)")
    #expect(ratio.hasPrefix("5: minimum_keep_ratio is '\(value)'"))
  }

  @Test("what is no catalogue is refused as a whole")
  func notACatalogue() {
    #expect(faults("")[0].hasPrefix("0: a catalogue starts with"))
    #expect(faults("just text")[0].hasPrefix("1: a catalogue starts with"))
    #expect(faults("version: 1\n")[0].contains("'devices' is missing"))
    #expect(faults("version: 1\ndevices: []")[0].hasPrefix("2: 'devices' is no list"))
    #expect(faults("version: 2\ndevices: []") == ["1: version '2' is not known here; write '1'"])
    #expect(
      faults("devices:\n- {name: a, budgets: {macs: 1}}")[0].contains("begin with 'version: 1'"))
  }

  @Test("wrong YAML is refused with its line")
  func wrongYAML() {
    #expect(faults("version: 1\ndevices: [\n")[0].contains("not YAML"))
    #expect(faults("version: 1\n\tdevices: 3")[0].hasPrefix("2: this is not YAML"))
    #expect(faults("version: 1\nversion: 1")[0].contains("'version' more than once"))
    #expect(faults("version: 1\n---\nversion: 1")[0].contains("not YAML"))
    #expect(faults("a: \u{0}").count == 1)
  }

  @Test("all faults are collected and printed as file:line: message")
  func everyFault() {
    let text = """
      version: 1
      devices:
      - name: a
        budgets: {macs: -1, parameters: x}
        minimum_keep_ratio: 2
      - class: phone
      """
    do {
      _ = try DeviceCatalogue.parse(text, file: "d.yaml")
      Issue.record("nothing thrown")
    } catch {
      #expect(error.code == .invalid)
      #expect(error.faults.map(\.line) == [4, 4, 5, 6, 6])
      let lines = error.message.split(separator: "\n")
      #expect(lines.count == 5)
      #expect(
        lines[2] == "d.yaml:5: minimum_keep_ratio is '2'; "
          + "write a number above 0 up to 1, as 0.1")
    }
  }
}
