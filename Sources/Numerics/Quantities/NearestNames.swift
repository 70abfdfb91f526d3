/// The known names that a misspelt one may have meant, nearest first; at most three.
///
/// Near is at most a third of the letters wrong, one wrong letter always, and a name that holds all
/// of more than two letters.
///
/// - Parameter known: In lower case.
public func nearestNames(to name: String, in known: [String]) -> [String] {
  let name = name.lowercased()
  let near = known.map { (name: $0, distance: editDistance(name, $0)) }.filter {
    $0.distance <= max(1, $0.name.count / 3) || (name.count > 2 && $0.name.contains(name))
  }
  return near.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
}

/// The Levenshtein distance: insertions, deletions and replacements from one text to another.
///
/// - Complexity: O(|a| · |b|) time, O(|b|) memory.
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
