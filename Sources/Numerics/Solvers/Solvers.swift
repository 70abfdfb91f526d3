// Placeholder: Solvers
