// Placeholder: WorkerService
