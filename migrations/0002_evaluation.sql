-- What a variant is worth beside its top-1 accuracy: top-5, and agreement with the dense network,
-- which needs no labels and is the only measure of networks whose output is not class scores.

alter table variants
  add column accuracy_top5 share,                   -- the label is among the five greatest scores
  add column baseline_top5 share,                   -- of the dense network, same images
  add column same_class    share,                   -- images given the dense network's class
  add column cosine        double precision         -- mean over images and outputs, with the dense ones
             check (cosine between -1.000001 and 1.000001),
  add column squared_error double precision         -- mean squared difference from the dense outputs
             check (squared_error >= 0);
