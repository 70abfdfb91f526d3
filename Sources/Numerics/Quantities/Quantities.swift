// Placeholder: Quantities
