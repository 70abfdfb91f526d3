// Placeholder: Catalogue
