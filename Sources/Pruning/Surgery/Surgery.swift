// Placeholder: Surgery
