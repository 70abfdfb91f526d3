import Devices
import NetworkGraph
import Quantities
import TestSupport
import Testing

@testable import Allocation

@Suite("Limits of latency and activations", .tags(.pure))
struct LatencyLimitTests {
  /// Groups, layers on one, two and three of them with times that rise and fall, steps of
  /// activations, and limits of both: small enough to try every plan.
  private func problem(_ seed: Int) -> AllocationProblem {
    var random = SeededGenerator(seed: UInt64(seed))
    let count = Int.random(in: 2...4, using: &random)
    let groups = (0..<count).map { id in
      GroupVariable(
        id: id, name: "g\(id)", width: Int.random(in: 3...6, using: &random),
        isProtected: Int.random(in: 0..<6, using: &random) == 0)
    }
    func extent() -> ChannelExtent {
      let members = groups.indices.shuffled(using: &random).prefix(
        Int.random(in: 0...2, using: &random)
      ).sorted()
      return ChannelExtent(
        fixed: Int.random(in: 0...2, using: &random),
        units: members.map { .init(group: $0, count: Int.random(in: 1...2, using: &random)) })
    }
    let dense = groups.map(\.width)
    let layers = (0..<Int.random(in: 2...5, using: &random)).map { index in
      let (input, output) = (extent(), extent())
      let (x, y) = (input.value(widths: dense), output.value(widths: dense))
      var points: [(input: Int, output: Int, value: Double)] = [(x, y, 70)]
      for _ in 0..<12 {
        let point = (Int.random(in: 0...x, using: &random), Int.random(in: 0...y, using: &random))
        if points.contains(where: { $0.input == point.0 && $0.output == point.1 }) { continue }
        points.append((point.0, point.1, Double.random(in: 1...100, using: &random)))
      }
      return LayerCost(
        name: "layer\(index)", input: input, output: output,
        values: .surface(LatencySurface(points)))
    }
    let steps = (0..<4).map { _ in
      var cost = CostPolynomial(constant: Int64.random(in: 0...20, using: &random))
      for group in groups.indices { cost.linear[group] = Int64.random(in: 0...9, using: &random) }
      return cost
    }
    var problem = AllocationProblem(
      groups: groups,
      utilities: groups.map { _ in .log(importance: Double.random(in: 0.2...2, using: &random)) },
      costs: ["latency": CostPolynomial(constant: 5)],
      limits: [
        ResourceLimit(resource: "latency", limit: .max / 8),
        ResourceLimit(resource: "activation_bytes", limit: .max / 8),
      ])
    problem.layers["latency"] = layers
    problem.steps["activation_bytes"] = steps
    let all = everyPlan(problem).map { problem.usage(widths: $0).map(\.used) }
    for index in 0...1 {
      let costs = all.map { $0[index] }
      let (least, most) = (costs.min() ?? 0, costs.max() ?? 0)
      let share = [-0.01, 0.15, 0.4, 0.8][(seed / (1 + 4 * index)) % 4]
      problem.limits[index].limit = least + Int64((share * Double(most - least)).rounded(.down))
    }
    return problem
  }

  private func everyPlan(_ problem: AllocationProblem) -> [[Int]] {
    problem.grids().reduce([[]]) { plans, grid in
      plans.flatMap { plan in grid.map { plan + [$0] } }
    }
  }

  @Test("the plan is that of brute force, and every strategy stays within", arguments: 0..<64)
  func bruteForce(seed: Int) throws {
    let problem = problem(seed)
    let all = everyPlan(problem)
    let best = all.filter { problem.usage(widths: $0).allSatisfy(\.isWithin) }
      .map { problem.utility(widths: $0) }.max()
    for strategy in AllocationStrategies.all.map(\.name) {
      switch try allocate(problem, strategy: strategy) {
      case .plan(let plan):
        let best = try #require(best)
        #expect(plan.usage == problem.usage(widths: plan.widths))
        let isWithin = plan.usage.allSatisfy(\.isWithin)
        #expect(isWithin, "\(strategy)")
        #expect(plan.objective <= best + 1e-9 && plan.bound >= best - 1e-9)
        if strategy == "certified" {
          expectClose([plan.objective], [best], tolerance: 2e-9)
          #expect(plan.gap <= 1e-8 && plan.prices?.count == 2)
        }
      case .infeasible(let reason):
        #expect(best == nil)
        let index = reason.resource == "latency" ? 0 : 1
        let least = all.map { problem.usage(widths: $0)[index].used }.min() ?? 0
        #expect(reason.leastReachable == least)
        #expect(reason.isTogether || least > reason.limit)
      }
    }
  }

  @Test("a device's table becomes costs; what it lacks is listed, or estimated")
  func device() throws {
    let groups = [
      GroupVariable(id: 0, name: "a", width: 16, isProtected: false),
      GroupVariable(id: 1, name: "b", width: 16, isProtected: false),
    ]
    let a = ChannelExtent(fixed: 0, units: [.init(group: 0, count: 1)])
    let b = ChannelExtent(fixed: 0, units: [.init(group: 1, count: 1)])
    var work = NetworkLayer.Work()
    work.pairMACs = 1000
    let layers = ["Conv", "Odd"].map {
      NetworkLayer(
        name: $0, shape: $0, nodes: [], input: a, output: b, work: work, hasVariableShape: false)
    }
    let table = LatencyTable(
      device: "d",
      layers: [
        .init(
          shape: "Conv",
          points: [8, 16].flatMap { x in
            [8, 16].map { .init(input: x, output: $0, nanoseconds: Double(1000 * x * $0)) }
          }),
        .init(
          shape: LatencyTable.overhead, points: [.init(input: 0, output: 0, nanoseconds: 500)]),
      ])
    func problem(_ roofline: Roofline?) throws -> AllocationProblem {
      try AllocationProblem(
        device: DeviceProfile(
          name: "d", budgets: [Budget(resource: .latency, amount: .share(0.5))],
          channelMultiple: 8, roofline: roofline, latencyMargin: 0.25), groups: groups,
        utilities: groups.map { _ in .log(importance: 1) }, costs: [:], layers: layers,
        table: table)
    }
    let error = #expect(throws: AllocationError.self) { try problem(nil) }
    #expect(error?.message.contains("latency of 1 kinds of layers") == true)
    #expect(error?.message.contains("Odd, 16 → 16") == true)
    let roofline = Roofline(macsPerSecond: 1e9, bytesPerSecond: 1e9, layerOverhead: 100)
    let estimated = try problem(roofline)
    // 256 µs and half a microsecond measured, 256.1 µs estimated; a half of it, less the margin.
    #expect(estimated.usage(widths: [16, 16])[0].used == 512_600)
    #expect(estimated.limits[0].limit == 205_040)
    guard case .plan(let plan) = try allocate(estimated) else {
      Issue.record("no plan")
      return
    }
    #expect(plan.widths == [8, 8] && plan.usage[0].source == .estimated)
    #expect(plan.usage[0].text.contains("(estimated)"))
    #expect(estimated.explanation(of: plan).description.contains("latency:"))
  }

  @Test("devices with tables, and with limits on activations, are answered each by itself")
  func batch() throws {
    let network = NetworkShape.resNetCIFAR(depth: 8)
    var random = SeededGenerator(seed: 5)
    let groups = network.groups
    let extents = groups.map { ChannelExtent(fixed: 0, units: [.init(group: $0.id, count: 1)]) }
    let layers = zip(extents, extents.dropFirst()).enumerated().map { place, sides in
      NetworkLayer(
        name: "layer\(place)", shape: "layer\(place)", nodes: [], input: sides.0,
        output: sides.1, work: .init(), hasVariableShape: false)
    }
    let steps = layers.map { layer in
      var cost = CostPolynomial()
      for unit in layer.input.units + layer.output.units { cost.linear[unit.group] = 1024 }
      return cost
    }
    func table(_ name: String) -> LatencyTable {
      LatencyTable(
        device: name,
        layers: layers.map { layer in
          let widths = groups.map(\.width)
          let (x, y) = (layer.input.value(widths: widths), layer.output.value(widths: widths))
          let points = (0...4).flatMap { i in
            (0...4).map { j in
              LatencyTable.Point(
                input: i * x / 4, output: j * y / 4,
                nanoseconds: 1e4 + Double(i * j) * Double.random(in: 500...2000, using: &random))
            }
          }
          return .init(shape: layer.shape, points: points)
        })
    }
    let tables = ["one": table("one"), "two": table("two")]
    func batch() -> AllocationBatch {
      let batch = AllocationBatch(
        groups: groups, utilities: groups.map { .log(importance: 1 + 0.1 * Double($0.id)) },
        costs: [.macs: network.macs], layers: layers, activationSteps: steps)
      for (name, table) in tables { batch.add(table, named: name) }
      return batch
    }
    let devices = (0..<12).map { place in
      var budgets = [Budget(resource: .latency, amount: .share(0.42 + 0.05 * Double(place)))]
      if place % 3 == 0 {
        budgets.append(Budget(resource: .activationBytes, amount: .share(0.8)))
      }
      return DeviceProfile(
        name: "d\(place)", budgets: budgets, channelMultiple: 4,
        latencyTable: place % 2 == 0 ? "one" : "two")
    }
    let together = try batch().allocate(devices)
    for (device, outcome) in zip(devices, together) {
      #expect(try batch().allocate([device]) == [outcome])
      guard case .plan(let plan) = outcome else {
        Issue.record("\(device.name) has no plan")
        continue
      }
      let usage = try batch().problem(for: device).usage(widths: plan.widths)
      #expect(usage == plan.usage)
      #expect(usage.allSatisfy(\.isWithin) && plan.gap < 1e-3)
    }
  }

  @Test("sums of too many widths are refused")
  func tooManyCombinations() throws {
    let groups = (0..<4).map {
      GroupVariable(id: $0, name: "g\($0)", width: 64, isProtected: false)
    }
    var problem = AllocationProblem(
      groups: groups, utilities: groups.map { _ in .log(importance: 1) }, costs: [:],
      limits: [ResourceLimit(resource: "latency", limit: 10)])
    problem.layers["latency"] = [
      LayerCost(
        name: "concat",
        input: ChannelExtent(fixed: 0, units: groups.map { .init(group: $0.id, count: 1) }),
        output: ChannelExtent(fixed: 3), values: .surface(LatencySurface([(256, 3, 9)])))
    ]
    let error = #expect(throws: AllocationError.self) { try allocate(problem) }
    #expect(error?.message.contains("raise channel_multiple") == true)
  }
}
