// Placeholder: OneDNNBackend
