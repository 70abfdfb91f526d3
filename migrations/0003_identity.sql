-- What a result's last bits depend on beside its job: the library that computed it and the
-- processor's instruction set. Null for the coordinator's own sums and for results from before.

alter table jobs
  add column identity text;                         -- such as "onednn 2.6.3 avx512_core"
