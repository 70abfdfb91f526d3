// Placeholder: CoordinatorService
