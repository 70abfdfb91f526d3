import COneDNN
import Execution

/// Turns a oneDNN status into an error that names it, what was asked for and for which node.
func check(_ status: dnnl_status_t, _ action: String, node: String) throws {
  guard status != dnnl_success else { return }
  let name = String(cString: dnnl_status2str(status))
  if status == dnnl_unimplemented || status == dnnl_invalid_arguments {
    throw ExecutionError(
      .unsupported,
      "oneDNN cannot \(action) for node \"\(node)\" (dnnl_\(name)); use the reference backend")
  }
  throw ExecutionError(
    .libraryFailure,
    "oneDNN failed to \(action) for node \"\(node)\" (dnnl_\(name)); free memory and try again")
}
