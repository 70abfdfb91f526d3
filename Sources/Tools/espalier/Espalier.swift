import ArgumentParser
import Foundation
import LinearAlgebra
import Logging

/// `espalier`: the command line of the cluster.
struct Espalier: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier",
    abstract: "Prune one trained network for a whole catalogue of devices.",
    discussion: """
      `espalier run` does everything: it starts a private PostgreSQL, a coordinator and workers \
      where none run, prunes the network for every device, prints what came out and leaves the \
      variants in the catalogue. The other commands are its parts.

      Exit codes: 0 done · 1 failed · 2 bad usage or input · 3 done, but some devices infeasible \
      or failed · 4 cluster unreachable · 130 interrupted, resumable.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Sweeps",
        subcommands: [
          RunCommand.self, ScoreCommand.self, SubmitCommand.self, WatchCommand.self,
          CancelCommand.self, SweepsCommand.self,
        ]),
      CommandGroup(
        name: "Results",
        subcommands: [
          VariantsCommand.self, ExportCommand.self, ExplainCommand.self, ScoresCommand.self,
          JobsCommand.self,
        ]),
      CommandGroup(
        name: "Cluster",
        subcommands: [
          UpCommand.self, DownCommand.self, StatusCommand.self, WorkersCommand.self,
        ]),
      CommandGroup(
        name: "Without a cluster",
        subcommands: [
          InspectCommand.self, EvaluateCommand.self, ExecuteCommand.self, AllocateCommand.self,
          DevicesCommand.self, ProfileCommand.self, LatencyCommand.self, BenchmarkCommand.self,
        ]),
    ])
}

@main
enum Main {
  static func main() async {
    OpenBLAS.useKernelsOfProcessor()
    // Standard output is for results; the log of an in-process cluster is for faults alone.
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = .error
      return handler
    }
    do {
      var command = try Espalier.parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      leave(error)
    }
  }

  /// Prints what went wrong and ends with the code that says of which kind it was.
  private static func leave(_ error: any Error) -> Never {
    if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
    let code = ExitStatus(error)
    if code == .usage {
      let text = Espalier.fullMessage(for: error)
      FileHandle.standardError.write(Data((text + "\n").utf8))
    } else if Espalier.exitCode(for: error) == .success {
      // Help and version are asked for by throwing.
      print(Espalier.fullMessage(for: error))
      Foundation.exit(0)
    } else {
      FileHandle.standardError.write(Data("espalier: \(error)\n".utf8))
    }
    Foundation.exit(code.rawValueForExit)
  }
}
