-- How far an accuracy can be trusted, what chose the channels, and what a user's own recovery made
-- of the variant.

alter table variants
  add column accuracy_low    share,                 -- 95 % confidence, Wilson's interval
  add column accuracy_high   share,
  add column accuracy_fitted share,                 -- before the user's own recovery, where there is one
  add column shared_images   integer check (shared_images >= 0),  -- that calibrated as well
  add column data_digest     digest,                -- of the evaluation images and labels
  add column runtime         text,                  -- that counted: backend, version, instruction set
  add column criterion       text,                  -- which channels go first, by name
  add column recovered_with  text;                  -- the user's own recovery: a command
