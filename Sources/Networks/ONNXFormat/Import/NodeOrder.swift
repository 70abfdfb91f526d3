import ONNXSchema

/// The order in which a file's nodes are read.
enum NodeOrder {
  /// The nodes that outputs depend on, each after the nodes it depends on, otherwise as in the file.
  ///
  /// - Throws: ``ONNXError`` with `invalidGraph` for a cycle, for a name that nothing defines and
  ///   for one that two nodes define.
  static func sorted(
    _ graph: Onnx_GraphProto, defined: Set<String>
  ) throws -> [Int] {
    let producers = try producers(in: graph, defined: defined)
    let dependencies = try graph.node.map { node in
      try node.input.filter { !$0.isEmpty && !defined.contains($0) }.map { name in
        guard let producer = producers[name] else {
          throw ONNXError(
            .invalidGraph,
            """
            graph › node "\(node.name)" (\(node.opType)): its input "\(name)" is neither a graph \
            input, nor an initializer, nor the output of a node; export the model again
            """)
        }
        return producer
      }
    }
    let reachable = reachable(
      from: graph.output.compactMap { producers[$0.name] }, through: dependencies)
    return try order(graph, dependencies: dependencies, keeping: reachable)
  }

  private static func producers(
    in graph: Onnx_GraphProto, defined: Set<String>
  ) throws -> [String: Int] {
    var producers: [String: Int] = [:]
    for (index, node) in graph.node.enumerated() {
      for output in node.output where !output.isEmpty {
        guard !defined.contains(output), producers.updateValue(index, forKey: output) == nil
        else {
          throw ONNXError(
            .invalidGraph,
            "graph › node \"\(node.name)\" (\(node.opType)): \"\(output)\" is defined twice")
        }
      }
    }
    return producers
  }

  private static func reachable(from roots: [Int], through dependencies: [[Int]]) -> Set<Int> {
    var reached = Set(roots)
    var open = roots
    while let node = open.popLast() {
      for next in dependencies[node] where reached.insert(next).inserted { open.append(next) }
    }
    return reached
  }

  /// Depth first with an explicit stack: a chain may be longer than the thread's stack.
  private static func order(
    _ graph: Onnx_GraphProto, dependencies: [[Int]], keeping reachable: Set<Int>
  ) throws -> [Int] {
    enum Mark { case unseen, open, done }
    var marks = [Mark](repeating: .unseen, count: dependencies.count)
    var order: [Int] = []
    for root in reachable.sorted() where marks[root] == .unseen {
      var stack = [(node: root, next: 0)]
      marks[root] = .open
      while let (node, next) = stack.last {
        guard next < dependencies[node].count else {
          marks[node] = .done
          order.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let dependency = dependencies[node][next]
        switch marks[dependency] {
        case .done: break
        case .unseen:
          marks[dependency] = .open
          stack.append((dependency, 0))
        case .open:
          let proto = graph.node[dependency]
          throw ONNXError(
            .invalidGraph,
            "graph › node \"\(proto.name)\" (\(proto.opType)): it depends on its own output")
        }
      }
    }
    return order
  }
}
