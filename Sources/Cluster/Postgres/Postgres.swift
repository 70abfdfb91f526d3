// Placeholder: Postgres
