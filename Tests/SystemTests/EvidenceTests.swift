import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("what an accuracy is worth")
  struct EvidenceTests {
    @Test("accuracies come with an interval, data and runtime; images seen before are warned about")
    func evidence() async throws {
      try await TestCluster.with { cluster in
        let file = TestCluster.examples.appending(path: "shapes-test.npz").path
        // The first 24 of the images that will be evaluated on.
        let calibration = try cluster.images("seen.yaml", file: file, limit: 24)
        let files = [
          "--model", TestCluster.model, "--calibration", calibration, "--evaluation",
          try cluster.evaluation(64), "--devices",
          try cluster.write(
            "one.yaml", "version: 1\ndevices: [{name: a, class: b, budgets: {macs: 60%}}]\n"),
        ]
        let run =
          ["run"] + files + [
            "--workers", "0", "--format", "json", "--criterion", "fpgm", "--recover-with",
            "cp {model} {output}",
          ]
        let ending = try await cluster.espalier(run)
        #expect(ending.errors.contains("24 of 64 evaluation images"), "\(ending.errors)")
        let variant = try #require(
          try JSONDecoder().decode([VariantRecord].self, from: Data(ending.output.utf8)).first)
        let accuracy = try #require(variant.accuracy)
        #expect(try #require(variant.accuracyLow) < accuracy)
        #expect(try #require(variant.accuracyHigh) > accuracy)
        #expect(variant.images == 64 && variant.sharedImages == 24)
        #expect(variant.dataDigest?.count == 64)
        #expect(variant.runtime?.contains("onednn") == true)
        #expect(variant.criterion == "fpgm")
        let fit = try #require(variant.reconstruction)
        #expect(["single", "sequential", "rectified", "paired"].contains(fit))
        #expect(variant.recoveredWith == "cp {model} {output}")
        #expect(variant.accuracyFitted == accuracy)
        let found = try await cluster.variants(
          "criterion = 'fpgm' and reconstruction = '\(fit)' and shared_images > 0 "
            + "and accuracy_low > 0%")
        #expect(found.count == 1)
      }
    }

    @Test("a command is run by workers that were started for it, and by no others")
    func commands() async throws {
      try await TestCluster.with { cluster in
        let files = try cluster.sweep(calibration: 32, evaluation: 32)
        try await cluster.espalier("up", "--workers", "1")
        let ending = try await cluster.espalier(
          ["run"] + files + ["--format", "json", "--recover-with", "cp {model} {output}"],
          expecting: 3)
        let refused = try JSONDecoder().decode(
          [VariantRecord].self, from: Data(ending.output.utf8))
        #expect(refused.allSatisfy { $0.reason?.contains("--allow-commands") == true })
        try await cluster.espalier("down")
        let again = try await cluster.espalier(
          ["run"] + files + [
            "--workers", "1", "--format", "json", "--recover-with", "cp {model} {output} ",
          ])
        let ready = try JSONDecoder().decode([VariantRecord].self, from: Data(again.output.utf8))
        #expect(ready.allSatisfy { $0.status == "ready" && $0.accuracyFitted == $0.accuracy })
      }
    }
  }
}
