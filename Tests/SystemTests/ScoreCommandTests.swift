import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("score and scores")
  struct ScoreCommandTests {
    private struct Answer: Decodable {
      struct Confidence: Decodable { var verdict: String }
      var taps: [String]
      var digest: String
      var estimator: String
      var kernel: String
      var bandwidths: [Double]?
      var confidence: Confidence?
      var provenance: [String: String]
    }

    private struct Ledger: Decodable {
      struct Row: Decodable {
        var digest: String
        var worker: String?
        var attempt: Int?
      }
      var rows: [Row]
      var images: Int
      var imagesCounted: Int
      var digest: String?
      var problems: [String]
    }

    @Test("scores alone are made, drawn, written and audited, and a later sweep uses them")
    func scores() async throws {
      try await TestCluster.with { cluster in
        let calibration = try cluster.calibration(140)
        let score = ["score", "--model", TestCluster.model, "--calibration", calibration]
        let first = try await cluster.espalier(score + ["--workers", "2", "--name", "alone"])
        #expect(first.output.contains("importance") && first.output.contains("95 % interval"))
        #expect(first.errors.contains("scores: 5 jobs run, 0 reused"))

        let (plot, npy) = ("\(cluster.root.path)/nhsic.svg", "\(cluster.root.path)/nhsic.npy")
        let answer = try await cluster.json(
          Answer.self, "scores", "alone", "--plot", plot, "--npy", npy)
        #expect(answer.estimator == "biased" && answer.kernel == "linear")
        #expect(answer.confidence != nil && answer.bandwidths == nil)
        for key in ["computed_by", "machines", "tile_size", "micro_batch", "kernel"] {
          #expect(answer.provenance[key]?.isEmpty == false, "\(key)")
        }
        #expect(try String(contentsOfFile: plot, encoding: .utf8).contains("<svg"))
        let array = try Data(contentsOf: URL(filePath: npy))
        #expect(array.count % 64 == 8 * answer.taps.count * answer.taps.count % 64)

        let ledger = try await cluster.json(Ledger.self, "scores", "alone", "--ledger")
        #expect(ledger.problems.isEmpty && ledger.digest == answer.digest)
        #expect(ledger.rows.count == 3 && ledger.imagesCounted == 140 && ledger.images == 140)
        #expect(ledger.rows.allSatisfy { $0.worker != nil && ($0.attempt ?? 0) > 0 })

        // Other devices, another name: the scores are there.
        let files = try cluster.sweep(calibration: 140)
        let second = try await cluster.espalier(
          ["run"] + files + ["--plan-only", "--no-evaluate", "--workers", "1"])
        #expect(second.errors.contains("scores: 0 jobs run, 5 reused"), "\(second.errors)")
        #expect(try await cluster.json(Answer.self, "scores", "test").digest == answer.digest)

        // A result that is damaged on the disk: the audit says so, and ends with 1.
        let file = try artifact(try #require(ledger.rows.first).digest, of: cluster)
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: file)
        let audit = try await cluster.espalier("scores", "alone", "--ledger", expecting: 1)
        #expect(audit.output.contains("WRONG"))
      }
    }

    @Test("estimator and kernel are chosen on the command line")
    func choices() async throws {
      try await TestCluster.with { cluster in
        let calibration = try cluster.calibration(140)
        let answer = try await cluster.json(
          Answer.self,
          [
            "score", "--model", TestCluster.model, "--calibration", calibration, "--workers", "0",
            "--estimator", "minibatch", "--kernel", "rbf", "--tile", "35", "--taps", "batchnorm",
          ])
        #expect(answer.estimator == "minibatch" && answer.kernel == "rbf")
        #expect(answer.bandwidths?.count == answer.taps.count)
        #expect(answer.bandwidths?.allSatisfy { $0 > 0 } == true)
        #expect(answer.provenance["tile_size"] == "35")
      }
    }

    @Test("more taps than the memory of a worker allows are refused before anything is started")
    func memory() async throws {
      try await TestCluster.with { cluster in
        // Kernels of 13 taps: 67 MB for a pair of tiles of 800 images.
        let ending = try await cluster.espalier(
          [
            "score", "--model", TestCluster.model, "--calibration", try cluster.calibration(1600),
            "--tile", "800", "--memory", "64", "--taps", "batchnorm",
          ], expecting: 2)
        #expect(ending.errors.contains("13 taps") && ending.errors.contains("--tile"))
        #expect(!FileManager.default.fileExists(atPath: "\(cluster.state)/postgres"))
      }
    }

    @Test("more taps than the workers of a running cluster can hold are refused when submitted")
    func memoryOfCluster() async throws {
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "1", "--memory", "64")
        let sweep = try cluster.sweep(calibration: 1600)
        let ending = try await cluster.espalier(
          ["submit"] + sweep + ["--tile", "800", "--taps", "batchnorm"], expecting: 2)
        #expect(ending.errors.contains("13 taps"))
        #expect(ending.errors.contains("of the taps, or tiles of "), "the number that would fit")
        #expect(try await cluster.json([SweepAnswer].self, "sweeps").isEmpty)
        #expect(try await cluster.jobRows().isEmpty, "nothing is asked for")
      }
    }

    @Test("calibration images that change under an unfinished sweep are refused by their digest")
    func changedImages() async throws {
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "0")
        try await cluster.espalier(["submit"] + cluster.sweep(calibration: 96))
        let again = try await cluster.espalier(
          ["submit"] + cluster.sweep(calibration: 97), expecting: 2)
        #expect(again.errors.contains("the calibration images (96 of calibration-96.yaml, digest "))
        #expect(again.errors.contains("espalier cancel"))
        try await cluster.espalier(["submit"] + cluster.sweep(calibration: 96))
      }
    }

    private func artifact(_ digest: String, of cluster: TestCluster) throws -> URL {
      let folder = URL(filePath: cluster.state).appending(path: "artifacts")
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      let found = files?.first { ($0 as? URL)?.path.contains(String(digest.dropFirst(2))) == true }
      return try #require(found as? URL)
    }
  }
}
