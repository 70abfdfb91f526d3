// Placeholder: LinearAlgebra
