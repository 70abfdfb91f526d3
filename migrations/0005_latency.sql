-- How long a variant takes for one image: as the table of its device's layers predicts, and as
-- measured (latency_seconds) on the machine of the worker where a sweep asked for that.

alter table variants
  add column predicted_latency_seconds double precision
             check (predicted_latency_seconds >= 0),
  add column latency_source            text         -- how the prediction's least certain part is known
             check (latency_source in ('measured', 'interpolated', 'estimated')),
  add column latency_spread_seconds    double precision    -- half the quartiles' distance
             check (latency_spread_seconds >= 0),
  add constraint prediction_has_source
             check ((predicted_latency_seconds is null) = (latency_source is null)),
  add constraint spread_of_latency
             check (latency_spread_seconds is null or latency_seconds is not null);
