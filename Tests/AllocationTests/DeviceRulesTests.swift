import Devices
import NetworkGraph
import Quantities
import TestSupport
import Testing

@testable import Allocation

@Suite("What devices ask of widths", .tags(.pure))
struct DeviceRulesTests {
  private let groups = [
    GroupVariable(id: 0, name: "a.1", width: 32, isProtected: false, operators: [.convolution]),
    GroupVariable(
      id: 1, name: "a.2", width: 24, isProtected: false, operators: [.convolution, .depthwise]),
    GroupVariable(id: 2, name: "b", width: 20, isProtected: false, operators: [.gemm]),
  ]
  private let parameters = CostPolynomial(
    constant: 3, linear: [0: 27, 2: 10], products: [GroupPair(0, 1): 9, GroupPair(1, 2): 1])
  private let utilities = [Utility](repeating: .log(importance: 1), count: 3)

  private func problem(_ device: DeviceProfile) throws -> AllocationProblem {
    try AllocationProblem(
      device: device, groups: groups, utilities: utilities,
      costs: [.parameters: parameters, .macs: parameters])
  }

  private func budget(_ resource: BudgetResource, _ amount: Amount) -> Budget {
    Budget(resource: resource, amount: amount)
  }

  @Test("each group is aligned for the operators that touch it")
  func alignment() throws {
    let device = DeviceProfile(
      name: "npu", budgets: [budget(.macs, .share(0.5))],
      operatorMultiples: [
        OperatorMultiple(kind: .convolution, multiple: 8),
        OperatorMultiple(kind: .depthwise, multiple: 12),
      ], minimumKeepRatio: 0.01)
    #expect(try problem(device).grids()[0] == [8, 16, 24, 32])
    #expect(try problem(device).grids()[1] == [24])
    #expect(try problem(device).grids()[2] == Array(1...20))
    #expect(device.multiple(of: nil) == 24)
  }

  @Test("minimum, maximum and groups that stay")
  func rules() throws {
    let device = DeviceProfile(
      name: "board", budgets: [budget(.macs, .share(0.5))], channelMultiple: 4,
      minimumKeepRatio: 0.01,
      widthRules: [
        WidthRule(group: "a.*", minimum: 9, maximum: 17), WidthRule(group: "b", stays: true),
      ])
    #expect(try problem(device).grids() == [[12, 16], [12, 16], [20]])
    // A least width for all of them lets a narrower group keep all of its channels.
    let wide = DeviceProfile(
      name: "board", budgets: [budget(.macs, .share(0.5))], minimumKeepRatio: 0.01,
      widthRules: [WidthRule(group: "*", minimum: 22, maximum: 24)])
    #expect(try problem(wide).grids() == [[22, 23, 24], [22, 23, 24], [20]])
    let unknown = DeviceProfile(
      name: "board", budgets: [budget(.macs, .share(0.5))],
      widthRules: [WidthRule(group: "c", stays: true, line: 7)])
    let error = #expect(throws: AllocationError.self) { try problem(unknown) }
    #expect(error?.message.contains("line 7: 'c'") == true)
  }

  @Test("rules and alignment that leave no width are refused by device, line and group")
  func noWidth() throws {
    let device = DeviceProfile(
      name: "board", budgets: [budget(.macs, .share(0.5))], channelMultiple: 16,
      widthRules: [WidthRule(group: "a.2", minimum: 17, maximum: 20, line: 9)])
    let error = #expect(throws: AllocationError.self) { try problem(device) }
    let message = "board: line 9: group a.2 has no width that is a multiple of 16"
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    let kept = DeviceProfile(
      name: "board", budgets: [budget(.macs, .share(0.5))],
      widthRules: [WidthRule(group: "b", maximum: 10, stays: true)])
    #expect(throws: AllocationError.self) { try problem(kept) }
  }

  @Test("weight bytes count the device's bits, to the byte", arguments: [1, 4, 7, 8, 16, 32])
  func weightBytes(bits: Int) throws {
    let dense = parameters.value(widths: [32, 24, 20])
    let bytes = (dense * Int64(bits) + 7) / 8
    for (amount, limit) in [
      (Amount.share(0.5), bytes / 2), (.absolute(Double(bytes / 3)), bytes / 3),
    ] {
      let device = DeviceProfile(
        name: "mcu", budgets: [budget(.weightBytes, amount)], minimumKeepRatio: 0.01,
        weightBits: bits)
      let problem = try problem(device)
      #expect(problem.limits[0].limit == limit)
      guard case .plan(let plan) = try allocate(problem) else {
        Issue.record("no plan")
        continue
      }
      let used = (parameters.value(widths: plan.widths) * Int64(bits) + 7) / 8
      #expect(plan.usage[0].used == used && used <= limit)
      #expect(plan.usage[0].limit == limit)
    }
  }

  @Test("devices of a batch get what they would get alone, up to the gap asked for")
  func batch() throws {
    let devices = [0.2, 0.9, 0.5, 0.5, 0.01].enumerated().map { index, share in
      DeviceProfile(
        name: "d\(index)", budgets: [budget(.macs, .share(share))],
        channelMultiple: index == 3 ? 8 : 1, minimumKeepRatio: 0.1)
    }
    let batch = AllocationBatch(
      groups: groups, utilities: utilities, costs: [.macs: parameters])
    let outcomes = try batch.allocate(devices)
    for (device, outcome) in zip(devices, outcomes) {
      let alone = try allocate(
        AllocationProblem(
          device: device, groups: groups, utilities: utilities, costs: [.macs: parameters]))
      switch (outcome, alone) {
      case (.plan(let a), .plan(let b)):
        expectClose([a.objective], [b.objective], tolerance: 1e-8)
        #expect(a.usage.allSatisfy(\.isWithin) && a.usage.map(\.limit) == b.usage.map(\.limit))
      default: #expect(outcome == alone)
      }
    }
    #expect(
      try batch.allocate(devices, strategy: "greedy").count == devices.count)
    // To the last bit, a device's answer is its own: alone, in any order, after any other.
    for (device, outcome) in zip(devices, outcomes) {
      let own = AllocationBatch(groups: groups, utilities: utilities, costs: [.macs: parameters])
      #expect(try own.allocate([device]) == [outcome])
    }
    let backwards = try batch.allocate(Array(devices.reversed()))
    #expect(Array(backwards.reversed()) == outcomes)
  }
}
