import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("catalogue")
  struct CatalogueTests {
    @Test("variants are asked by constraint, exported, inspected and evaluated as recorded")
    func catalogue() async throws {
      try await TestCluster.with { cluster in
        let impossible =
          TestCluster.devices + """
              - name: dust
                class: sensor
                budgets: {macs: 1k}

            """
        let run = try ["run"] + cluster.sweep(devices: impossible) + ["--workers", "2"]
        let ending = try await cluster.espalier(run + ["--keep-running"], expecting: 3)
        #expect(ending.output.contains("infeasible"))
        #expect(ending.output.contains("dust"))
        let all = try await cluster.variants()
        #expect(all.map(\.device) == ["dense", "half", "small", "dust"])
        checkInfeasible(try #require(all.last))
        try await constraints(cluster, all)
        try await faults(cluster)
        try await exports(cluster, all)
        try await explanations(cluster, all)
        let again = try await cluster.espalier(run, expecting: 3)
        #expect(again.errors.contains("already"))
      }
    }

    private func checkInfeasible(_ variant: VariantRecord) {
      #expect(variant.status == "infeasible")
      #expect(variant.digest == nil && variant.accuracy == nil)
      let reason = variant.reason ?? ""
      #expect(reason.contains("macs"), "names the budget: \(reason)")
      #expect(reason.contains("1000") || reason.contains("1k"), "and its limit: \(reason)")
      let numbers = reason.matches(of: /[0-9][0-9.,]*[kM]?/).count
      #expect(numbers >= 2, "and the least value that can be reached: \(reason)")
    }

    private func constraints(_ cluster: TestCluster, _ all: [VariantRecord]) async throws {
      func devices(_ arguments: String...) async throws -> [String] {
        try await cluster.json([VariantRecord].self, ["variants"] + arguments).map(\.device)
      }
      #expect(try await devices("macs <= 4M") == ["small"])
      #expect(
        try await devices("macs <= 6M and device.class in ('phone', 'watch')") == ["half", "small"])
      #expect(try await devices("accuracy >= 0% and not device = 'dense'") == ["half", "small"])
      #expect(try await devices("status = 'infeasible' or macs between 10M and 11M").count == 2)
      #expect(
        try await devices("status = 'ready'", "--order-by", "macs") == ["small", "half", "dense"])
      #expect(
        try await devices("status = 'ready'", "--order-by", "-macs", "--limit", "1") == ["dense"])
      #expect(try await devices("--device", "half", "--sweep", "test") == ["half"])
      #expect(try await devices("macs > 1G").isEmpty)
      let front = try await devices("--pareto", "accuracy,macs")
      for device in front {
        let own = try #require(all.first { $0.device == device })
        let beaten = all.contains { other in
          guard let accuracy = other.accuracy, let macs = other.macs, let ownMACs = own.macs,
            let ownAccuracy = own.accuracy
          else { return false }
          return accuracy >= ownAccuracy && macs <= ownMACs
            && (accuracy > ownAccuracy || macs < ownMACs)
        }
        #expect(!beaten, "\(device) is not on the front")
      }
      #expect(front.contains("dense") && front.contains("small"))
      let csv = try await cluster.espalier("variants", "--format", "csv").output
      let lines = csv.split(separator: "\r\n")
      #expect(lines.count == 5)
      #expect(lines.first?.contains("peak_activation_bytes") == true)
    }

    private func faults(_ cluster: TestCluster) async throws {
      let typo = try await cluster.espalier("variants", "acuracy >= 0.5", expecting: 2)
      #expect(typo.errors.contains("'acuracy'") && typo.errors.contains("'accuracy'"))
      #expect(typo.errors.contains("  acuracy >= 0.5\n  ^"), "\(typo.errors)")
      let late = try await cluster.espalier("variants", "macs < 1M and size < 3", expecting: 2)
      #expect(late.errors.contains("\n                ^~~~"), "\(late.errors)")
      for bad in ["macs <", "macs <= fast", "(macs < 1", "accuracy > 'high'", "macs < 1 macs"] {
        let ending = try await cluster.espalier("variants", bad, expecting: 2)
        #expect(ending.errors.contains("^"), "\(ending.errors)")
      }
      try await cluster.espalier("variants", "--order-by", "size", expecting: 2)
      try await cluster.espalier("variants", "--pareto", "accuracy,size", expecting: 2)
      try await cluster.espalier("variants", "--sweep", "none", expecting: 2)
      try await cluster.espalier("scores", "none", expecting: 2)
      let injection = "device = 'x''; drop table variants; --'"
      #expect(try await cluster.variants(injection).isEmpty)
      #expect(try await cluster.variants().count == 4)
    }

    private struct Account: Decodable {
      struct Layer: Decodable { var dense, kept: Int }
      struct Explanation: Decodable {
        struct Group: Decodable {
          var name: String
          var width: Int
        }
        var objective: Double
        var groups: [Group]
      }
      var explanation: Explanation
      var layers: [Layer]
    }

    private func explanations(_ cluster: TestCluster, _ all: [VariantRecord]) async throws {
      let drawing = cluster.root.appending(path: "half.svg")
      let account = try await cluster.json(
        Account.self, "explain", "test", "half", "--plot", drawing.path)
      let half = try #require(all.first { $0.device == "half" })
      #expect(account.explanation.objective == half.objective)
      for group in account.explanation.groups { #expect(half.widths?[group.name] == group.width) }
      #expect(account.layers.contains { $0.kept < $0.dense })
      let text = try String(contentsOf: drawing, encoding: .utf8)
      #expect(text.hasPrefix("<svg") && text.contains("half"))
      let dust = try await cluster.espalier("explain", "test", "dust", expecting: 3)
      #expect(dust.output.contains("macs cannot go below"))
      let nobody = try await cluster.espalier("explain", "test", "nobody", expecting: 2)
      #expect(nobody.errors.contains("'nobody'"))
    }

    private func exports(_ cluster: TestCluster, _ all: [VariantRecord]) async throws {
      let data = try cluster.evaluation()
      for variant in all where variant.status == "ready" {
        let file = cluster.root.appending(path: "\(variant.device).onnx").path
        try await cluster.espalier("export", variant.id, "--output", file)
        let inspection: InspectionAnswer = try await cluster.plainJSON("inspect", file)
        #expect(inspection.macs == variant.macs)
        #expect(inspection.parameters == variant.parameters)
        #expect(inspection.modelBytes == variant.modelBytes)
        #expect(inspection.peakActivationBytes == variant.peakActivationBytes)
        #expect(!inspection.layers.isEmpty)
        let widths = Dictionary(
          inspection.groups.map { ($0.name, $0.width) }, uniquingKeysWith: { a, _ in a })
        #expect(widths == variant.widths)
        #expect(inspection.protected.allSatisfy { !$0.reason.isEmpty })
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int64
        let bytes = try #require(variant.modelBytes)
        #expect((bytes..<bytes + 40_000).contains(size ?? 0), "as small as its parameters say")
        let evaluation: EvaluationAnswer = try await cluster.plainJSON(
          "evaluate", file, "--data", data)
        #expect(evaluation.images == 128)
        #expect(evaluation.accuracy == Double(evaluation.correct) / 128)
        #expect(evaluation.accuracy == variant.accuracy)
      }
      let dust = try #require(all.last)
      let refused = try await cluster.espalier("export", dust.id, "-o", "x", expecting: 2)
      #expect(refused.errors.contains("infeasible"))
      let nowhere = cluster.root.appending(path: "no folder/x.onnx").path
      let unwritten = try await cluster.espalier(
        "export", all[0].id, "-o", nowhere, expecting: 2)
      #expect(unwritten.errors.contains(nowhere))
      try await cluster.espalier("export", "no-variant", "-o", "x", expecting: 2)
    }
  }
}

extension TestCluster {
  /// What a command without a cluster prints as JSON.
  func plainJSON<Value: Decodable>(_ arguments: String...) async throws -> Value {
    let ending = try await Program(.espalier, arguments + ["--format", "json"]).ending()
    try #require(ending.status == 0 && !ending.wasKilled, "\(ending.errors)")
    return try JSONDecoder().decode(Value.self, from: Data(ending.output.utf8))
  }
}
