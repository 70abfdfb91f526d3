// Placeholder: Datasets
