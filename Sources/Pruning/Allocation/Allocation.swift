// Placeholder: Allocation
