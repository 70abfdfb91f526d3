import ArgumentParser
import Execution
import Foundation
import Importance
import OneDNNBackend
import Pipeline

/// `espalier benchmark scores`: what the scores of a network cost, part by part.
struct ScoreBenchmarkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scores",
    abstract: "Measure the parts of scoring a network, on random images, in one process.",
    discussion: """
      Prints the rate of forward passes into tiles; the kernels' rate beside that of a large matrix \
      product (sgemm) in the same run, which is what this machine can do; and the time of whole \
      passes over N images beside a N + b N², with a and b fitted where several N are given. The \
      parts are measured anew before each pass.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: "Activations that are compared: \(TapKind.names).") var taps = TapKind.batchnorm
  @Option(help: "Numbers of images, separated by commas.") var samples = "1000"
  @Option(help: "Images in a tile. [default: as `score` chooses]") var tile: Int?
  @Option(help: "Compute threads.") var threads = 1
  @Option(help: "Memory for features and what is remembered, in MiB.") var memory = 4096
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let counts = try samples.split(separator: ",").map { text in
      guard let count = Int(text), count > 1 else {
        throw InputError("--samples \(samples): give numbers from 2 on, separated by commas")
      }
      return count
    }
    guard !counts.isEmpty, (1...1024).contains(threads), tile.map({ $0 > 0 }) ?? true else {
      throw InputError("give --samples, --threads from 1 on, and --tile from 1 on")
    }
    let network = try models.read(model)
    let figures = try await ScorePassBenchmark.run(
      network: network, backend: OneDNNBackend(), taps: taps, counts: counts,
      tileSize: try tile ?? network.tileSize(taps), threads: threads, memory: memory << 20)
    switch format {
    case .json: try printJSON(figures)
    case .table: print(figures.table)
    }
  }
}

extension ScorePassBenchmark.Figures {
  var table: String {
    var lines = [
      String(
        format: "%d taps, %d features an image, tiles of %d images (%.0f MB), %d threads", taps,
        features, tileSize, Double(tileBytes) / 1e6, threads),
      String(format: "forward into tiles   %8.1f images/s", forward),
      String(
        format: "sgemm, 1536 × 1536   %8.1f GFLOP/s (the peak)", kernels.peak),
      String(format: "sgemm, a tile pair   %8.1f GFLOP/s", kernels.sgemm),
      String(
        format: "kernels of tiles     %8.1f GFLOP/s, %.0f %% of the peak", kernels.kernels,
        100 * kernels.fractionOfPeak),
      String(
        format: "kernels %.2f s, %.2f of it to lay features out, sums over pairs of taps %.2f s "
          + "for %d images",
        kernels.kernelSeconds, kernels.layoutSeconds, kernels.pairSeconds, kernels.samples),
      "by these parts: \(parts.text)",
    ]
    if let fitted {
      let ratios = String(
        format: "%.2f and %.2f of the parts", fitted.secondsPerImage / parts.secondsPerImage,
        fitted.secondsPerPair / parts.secondsPerPair)
      lines.append("fitted to passes: \(fitted.text); \(ratios)")
    }
    let model = fitted ?? parts
    return (lines + passes.map { $0.row(model) }).joined(separator: "\n")
  }
}

extension ScorePassBenchmark.CostModel {
  fileprivate var text: String {
    String(
      format: "%.3f ms an image, %.3f µs a pair of images", 1e3 * secondsPerImage,
      1e6 * secondsPerPair)
  }
}

extension ScorePassBenchmark.Pass {
  fileprivate func row(_ model: ScorePassBenchmark.CostModel) -> String {
    let expected = model.seconds(images)
    return String(
      format: "N = %5d  %8.2f s   model %8.2f s   ratio %.2f", images, seconds, expected,
      seconds / expected)
  }
}
