import Devices
import Foundation
import Quantities
import TestSupport
import Testing

@Suite("Latency tables", .tags(.pure))
struct LatencyTableTests {
  private let yaml = """
    version: 1
    device: 'board'
    recorded:
      threads: '1'
    columns: [in, out, ms, spread]
    layers:
      '(run)':
        - [0, 0, 0.010000, 0.000000]
      'Conv 3x3 pad1x1 @32x32 +Relu':
        - [8, 8, 1.000000, 0.100000]
        - [8, 16, 2.000000, 0.000000]
        - [16, 8, 1.500000, 0.000000]
        - [16, 16, 1.900000, 0.000000]

    """

  private func faults(_ text: String, isCSV: Bool = false) -> [String] {
    do {
      _ = try LatencyTable.parse(text, file: "t", isCSV: isCSV)
      return []
    } catch {
      return error.message.split(separator: "\n").map(String.init)
    }
  }

  @Test("a table is read and written")
  func golden() throws {
    let table = try LatencyTable.parse(yaml, file: "t.yaml")
    #expect(table.device == "board" && table.remarks == [LatencyTable.Remark("threads", "1")])
    #expect(table.layers.map(\.shape) == ["(run)", "Conv 3x3 pad1x1 @32x32 +Relu"])
    #expect(
      table.layers[1].points.first
        == LatencyTable.Point(input: 8, output: 8, nanoseconds: 1e6, spread: 1e5))
    #expect(table.yaml == yaml)
    let csv = """
      # made by hand
      shape,out,in,ms,mj
      "Conv 3x3, odd",16,8,0.5,2
      Relu @4,16,16,0.001,

      """
    let other = try LatencyTable.parse(csv, file: "dir/phone.csv", isCSV: true)
    #expect(other.device == "phone.csv")
    #expect(
      other.layer("Conv 3x3, odd")?.points == [
        LatencyTable.Point(input: 8, output: 16, nanoseconds: 5e5, nanojoules: 2e6)
      ])
    #expect(other.energies("Conv 3x3, odd")?.value(input: 8, output: 16)?.value == 2_000_000)
    #expect(other.energies("Relu @4") == nil)
    #expect(try LatencyTable.parse(other.yaml, file: "t").layers == other.layers)
  }

  @Test("gaps, negative times and rows twice are named with their lines")
  func broken() {
    let header = "shape,in,out,ms,spread\n"
    #expect(
      faults(header + "A,8,8,1,0\nA,8,16,,0\n", isCSV: true) == [
        "t:3: a gap: 'A' has no ms here; measure it"
      ])
    #expect(
      faults(header + "A,8,8,-1,0\nA,8,16,0,0\nA,8,24,1,-1\n", isCSV: true) == [
        "t:2: ms is -1; a time is above 0", "t:3: ms is 0; a time is above 0",
        "t:4: spread is -1; write 0 or more",
      ])
    #expect(
      faults(header + "A,8,8,1,0\nA,8,8,2,0\n", isCSV: true) == [
        "t:3: 'A' has its time for 8 → 8 in line 2 already; keep one"
      ])
    #expect(faults("in,out\n", isCSV: true)[0].contains("t:1: begin with the header"))
    #expect(faults("shape,in,ms\n", isCSV: true)[0].contains("t:1: the columns in, out and ms"))
    #expect(faults(header, isCSV: true)[0].contains("no times"))
    #expect(
      faults(yaml.replacing("1.500000", with: "soon")) == ["t:12: ms is 'soon', no number"])
    #expect(faults(yaml.replacing("[16, 8, 1.500000", with: "[16, 8, ''"))[0].contains("a gap"))
    #expect(faults(yaml.replacing("version: 1", with: "version: 2"))[0].contains("version: 1"))
    #expect(faults(yaml.replacing("columns:", with: "column:")).count == 1)
    #expect(faults("layers: [").count == 1)
  }

  @Test("between measured widths times are on straight lines, and say so")
  func interpolation() throws {
    let table = try LatencyTable.parse(yaml, file: "t.yaml")
    let surface = try #require(table.times("Conv 3x3 pad1x1 @32x32 +Relu"))
    func value(_ x: Int, _ y: Int) -> String {
      surface.value(input: x, output: y).map { "\($0.value) \($0.source)" } ?? "none"
    }
    #expect(value(8, 16) == "2000000 measured")
    #expect(value(8, 12) == "1500000 interpolated")
    #expect(value(12, 12) == "1600000 interpolated")
    // Below what was measured, the cheapest layer that is at least as wide.
    #expect(value(3, 8) == "1000000 interpolated")
    #expect(value(3, 9) == "1900000 interpolated")
    #expect(value(17, 8) == "none")
    #expect(table.times("Conv") == nil)
  }

  @Test("layers that write what they read are measured along the diagonal")
  func diagonal() {
    let surface = LatencySurface([(8, 8, 10), (16, 16, 30)])
    #expect(surface.value(input: 12, output: 12)?.value == 20)
    #expect(surface.value(input: 8, output: 16)?.value == 30)
    #expect(LatencySurface([(8, 8, 10.2)]).value(input: 8, output: 8)?.value == 11)
  }

  @Test("a catalogue's budgets of time and energy, its tables and its peak rates")
  func catalogue() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(yaml.utf8).write(to: folder.appending(path: "t.yaml"))
    let text = """
      version: 1
      devices:
      - name: a
        budgets: {latency: 5ms, energy: 50%, activation_bytes: 2MB}
        latency_table: t.yaml
        latency_margin: 10%
      - name: b
        budgets: {latency: 800us}
        roofline: {macs_per_second: 20G, bytes_per_second: 10GB, layer_overhead: 5us}
      """
    let devices = try DeviceCatalogue.parse(text, file: "d", folder: folder)
    #expect(devices[0].budget(on: .latency)?.amount == .absolute(5e6))
    #expect(devices[0].budget(on: .energy)?.amount == .share(0.5))
    #expect(devices[0].latencyTable?.hasSuffix("/t.yaml") == true)
    #expect(devices[0].latencyMargin == 0.1)
    #expect(devices[0].budgets.map(\.description).contains("latency ≤ 5 ms"))
    let roofline = try #require(devices[1].roofline)
    #expect(roofline.nanoseconds(macs: 20_000, bytes: 100_000) == 15_000)
    for device in devices {
      let data = try JSONEncoder().encode(device)
      #expect(try JSONDecoder().decode(DeviceProfile.self, from: data) == device)
    }
  }

  @Test(
    "what says nothing about times is a fault of its line",
    arguments: [
      ("budgets: {latency: 5ms}", "4: latency is limited, but nothing says"),
      ("budgets: {energy: 5mJ}", "4: energy is limited, but there is no 'latency_table'"),
      ("budgets: {latency: 5}", "4: latency: '5' is no amount: it has no unit"),
      ("budgets: {latency: 5MB}", "4: latency: '5MB' is no amount: 'MB' is no unit of time"),
      ("budgets: {macs: 1M}\n  latency_table: none.yaml", "5: latency_table: "),
      ("budgets: {macs: 1M}\n  latency_margin: 5%", "5: latency_margin changes nothing"),
      (
        "budgets: {macs: 1M}\n  roofline: {macs_per_second: 1G}", "5: the roofline has no bytes_per"
      ),
    ])
  func faulty(lines: String, message: String) {
    let text = "version: 1\ndevices:\n- name: a\n  \(lines)\n"
    do {
      _ = try DeviceCatalogue.parse(text, file: "d", folder: URL(filePath: "/nowhere"))
      Issue.record("no fault")
    } catch {
      #expect(error.message.contains("d:" + message), "\(error.message)")
    }
  }
}
