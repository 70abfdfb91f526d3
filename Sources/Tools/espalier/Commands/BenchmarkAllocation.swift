import Allocation
import ArgumentParser
import Foundation

extension BenchmarkCommand {
  /// `espalier benchmark allocation`: how near to the optimum plans are, and in how much time.
  struct AllocationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "allocation",
      abstract: "Gaps and times of the certified allocator on the forms of known networks.",
      discussion: """
        Gaps of ResNet-20, ResNet-56, MobileNetV1, MobileNetV2 and ResNet-50 at 70, 50 and 30 % of \
        MACs, at widths of step 1 and 8, under one limit and three, with different importances and \
        with equal ones; then a thousand budgets of ResNet-56, and a thousand devices for ResNet-50. \
        With --peer also one solve against another program, which reads a problem as JSON on \
        standard input and prints its answer.
        """)

    @Option(
      help: ArgumentHelp(
        "A program to compare with, as 'python3 allocate_scipy.py'.", valueName: "command"))
    var peer: String?
    @Flag(help: "Leave out the gaps, which take minutes.") var quick = false
    @Option(help: "table or json.") var format = OutputFormat.table

    private struct Report: Encodable {
      var gaps: [AllocationBenchmark.Gaps] = []
      var comparisons: [AllocationBenchmark.Comparison] = []
      var budgets: AllocationBenchmark.Catalogue
      var devices: AllocationBenchmark.Catalogue
    }

    func run() throws {
      var report = Report(
        budgets: try AllocationBenchmark.budgets(), devices: try AllocationBenchmark.devices())
      if let peer {
        report.comparisons = try AllocationBenchmark.compared { try answer(to: $0, by: peer) }
      }
      if !quick {
        for (isEqual, step, limits) in [
          (false, 1, 1), (false, 8, 1), (false, 1, 3), (false, 8, 3), (true, 1, 1), (true, 8, 1),
        ] {
          report.gaps += try AllocationBenchmark.gaps(step: step, limits: limits, isEqual: isEqual)
        }
      }
      switch format {
      case .json: try printJSON(report)
      case .table: print(text(report))
      }
    }

    private func answer(
      to problem: AllocationBenchmark.PeerProblem, by command: String
    ) throws -> AllocationBenchmark.PeerAnswer {
      let process = Process()
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = ["-c", command]
      let (input, output) = (Pipe(), Pipe())
      (process.standardInput, process.standardOutput) = (input, output)
      try process.run()
      input.fileHandleForWriting.write(try JSONEncoder().encode(problem))
      try input.fileHandleForWriting.close()
      let data = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      do {
        return try JSONDecoder().decode(AllocationBenchmark.PeerAnswer.self, from: data)
      } catch {
        throw InputError(
          "--peer: '\(command)' ended with \(process.terminationStatus) and no answer; run it alone"
        )
      }
    }

    private func text(_ report: Report) -> String {
      var lines = report.gaps.map { entry in
        String(
          format: "%@, step %d, %d limit%@%@: gap %@ %%; %@ ms", entry.network, entry.step,
          entry.limits, entry.limits == 1 ? "" : "s", entry.isEqual ? ", equal importances" : "",
          entry.gaps.map { String(format: $0 == 0 ? "0" : "%.5f", 100 * $0) }
            .joined(separator: " · "),
          entry.milliseconds.map { String(format: "%.0f", $0) }.joined(separator: " · "))
      }
      for entry in report.comparisons {
        lines.append(
          String(
            format: """
              ResNet-56 at %.0f %%: peer %.1f ms, %.4f rounded into the budget; certified to 0.1 %% \
              %.1f ms, to the end %.1f ms, %.4f, gap %.5f %%
              """, 100 * entry.share, entry.peerMilliseconds, entry.peerObjective,
            entry.millisecondsToTarget, entry.milliseconds, entry.objective, 100 * entry.gap))
      }
      let each = report.budgets.milliseconds / Double(report.budgets.devices)
      var line = String(
        format: "%d budgets of ResNet-56: %.2f ms each, greatest gap %.3f %%",
        report.budgets.devices, each, 100 * report.budgets.greatestGap)
      if !report.comparisons.isEmpty {
        let peer =
          report.comparisons.map(\.peerMilliseconds).reduce(0, +)
          / Double(report.comparisons.count)
        line += String(format: ", %.1f times as fast as one peer's solve each", peer / each)
      }
      lines.append(line)
      lines.append(
        String(
          format:
            "%d devices for ResNet-50, step 8, two threads: %.0f devices/s, greatest gap %.2f %%",
          report.devices.devices,
          1000 * Double(report.devices.devices) / report.devices.milliseconds,
          100 * report.devices.greatestGap))
      return lines.joined(separator: "\n")
    }
  }
}
