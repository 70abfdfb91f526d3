-- How a variant came to its weights, as catalogues are asked for it.

alter table variants
  add column reconstruction text;               -- the fit that was kept: joint, paired, … or dense
