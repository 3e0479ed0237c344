-- A year of rollup rows of %(machines)s machines from %(begin)s (UTC): %(hours)s hours each, as the engine would have
-- made them; the last three hours also as facts. A row an hour, an order every ten hours, five products, three
-- shifts, three crews that rotate by the week, twelve reasons and five codes. The coarse levels are made by the addon.

SET LOCAL session_replication_role = replica;  -- millions of rows: the links are right by construction

INSERT INTO mes_order_run (workcenter_id, company_id, product_id, at_from, at_until, share, recorded_at, origin)
SELECT w.id, w.company_id, p.ids[1 + (n + w.number) %% array_length(p.ids, 1)],
       %(begin)s::timestamp + n * interval '10 hours', %(begin)s::timestamp + (n + 1) * interval '10 hours', 1,
       %(begin)s::timestamp, 'rule'
  FROM bench_machine w
 CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM product_product WHERE default_code LIKE 'BENCH%%') p
 CROSS JOIN generate_series(0, %(hours)s / 10) AS n;

CREATE TEMP TABLE bench_hour ON COMMIT DROP AS
SELECT n, hour_at, local_at::date AS hour_date, to_char(local_at, 'HH24:00') AS label,
       CASE WHEN hour IN (10, 18, 2) THEN 1800000 ELSE 0 END AS planned_ms,
       CASE WHEN hour BETWEEN 6 AND 13 THEN 'E' WHEN hour BETWEEN 14 AND 21 THEN 'L' ELSE 'N' END AS shift_name,
       (local_at - CASE WHEN hour < 6 THEN interval '1 day' ELSE interval '0' END)::date AS business_date,
       crews.ids[1 + (extract(week FROM local_at)::int + CASE WHEN hour BETWEEN 6 AND 13 THEN 0
                                                              WHEN hour BETWEEN 14 AND 21 THEN 1 ELSE 2 END) %% 3] AS crew_id
  FROM generate_series(0, %(hours)s - 1) AS n
 CROSS JOIN LATERAL (SELECT %(begin)s::timestamp + n * interval '1 hour' AS hour_at) h
 CROSS JOIN LATERAL (SELECT hour_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' AS local_at) l
 CROSS JOIN LATERAL (SELECT extract(hour FROM local_at)::int AS hour) k
 CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM mes_crew WHERE code LIKE 'BENCH%%') crews;

CREATE TEMP TABLE bench_row ON COMMIT DROP AS
SELECT w.id AS workcenter_id, w.company_id, w.site_id, w.area_id, w.line_id, w.number, h.*, r.id AS run_id, r.product_id,
       60000 + (h.n * 7919 + w.number * 104729) %% 300000 AS unplanned_ms,
       60000 + (h.n * 3571 + w.number * 7907) %% 60000 AS minor_ms
  FROM bench_machine w CROSS JOIN bench_hour h
  JOIN mes_order_run r ON r.workcenter_id = w.id
   AND r.at_from = %(begin)s::timestamp + (h.n / 10) * interval '10 hours';

INSERT INTO mes_oee_rollup (workcenter_id, company_id, site_id, area_id, line_id, hour_at, hour_date, hour_label,
                            shift_key, shift_name, business_date, crew_id, run_id, product_id, calendar_version,
                            rules_version, production_ms, planned_ms, unplanned_ms, minor_ms, total, good, reject,
                            ideal_ns, ideal_good_ns, unplanned_stops, minor_stops, %(rest)s)
SELECT workcenter_id, company_id, site_id, area_id, line_id, hour_at, hour_date, label,
       business_date || '/' || shift_name, shift_name, business_date, crew_id, run_id, product_id, 'bench', 0,
       production_ms, planned_ms, unplanned_ms, minor_ms, pieces, pieces - 3, 3,
       pieces * 1000000000::int8, (pieces - 3) * 1000000000::int8, 1, 3, %(noughts)s
  FROM bench_row
 CROSS JOIN LATERAL (SELECT 3600000 - planned_ms - unplanned_ms - minor_ms AS production_ms) p
 CROSS JOIN LATERAL (SELECT production_ms / 1100 AS pieces) q;

INSERT INTO mes_oee_reason_rollup (workcenter_id, company_id, site_id, area_id, line_id, hour_at, hour_date, shift_key,
                                   shift_name, business_date, crew_id, run_id, product_id, bucket, loss_id, code, ms,
                                   stops)
SELECT workcenter_id, company_id, site_id, area_id, line_id, hour_at, hour_date, business_date || '/' || shift_name,
       shift_name, business_date, crew_id, run_id, product_id, v.*
  FROM bench_row
 CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM mrp_workcenter_productivity_loss
              WHERE name->>'en_US' LIKE 'Bench %%') losses
 CROSS JOIN LATERAL (VALUES
       ('unplanned', losses.ids[1 + (n / 4 + number) %% 12], NULL, unplanned_ms, 1),
       ('minor', NULL, (17 + (n / 2 + number) %% 5)::text, minor_ms, 3),
       ('planned', NULL, NULL, planned_ms, 0)) AS v(bucket, loss_id, code, ms, stops)
 WHERE v.ms > 0;

INSERT INTO mes_evidence_span (workcenter_id, company_id, stream, at_from, at_until)
SELECT w.id, w.company_id, 'BENCH', %(end)s::timestamp - interval '3 hours', %(end)s::timestamp + interval '1 day'
  FROM bench_machine w;

INSERT INTO mes_state_point (workcenter_id, company_id, lane, at, until, raw, value, code, map_revision, quality,
                             recv, priority, stream, seq)
SELECT w.id, w.company_id, 'state', t.at, lead(t.at) OVER (PARTITION BY w.id ORDER BY t.at), t.value, t.value,
       CASE WHEN t.value = 'down' THEN (17 + n %% 5)::text END, 1, 'good', t.at, 0, 'BENCH', n
  FROM bench_machine w
 CROSS JOIN LATERAL (
       SELECT -1 AS n, %(begin)s::timestamp AS at, 'running' AS value
        UNION ALL
       SELECT n, %(end)s::timestamp - interval '3 hours' + n * interval '4 minutes', (ARRAY['running', 'down'])[1 + n %% 2]
         FROM generate_series(0, 52) AS n) t;

INSERT INTO mes_count_point (counter_id, workcenter_id, company_id, counter_epoch, at, raw, total, delta, decision,
                             quality, recv, priority, stream, seq)
SELECT c.id, w.id, w.company_id, 1, t.at, 50 * n, 50 * n, 50, 'step', 'good', t.at, 0, 'BENCH', n
  FROM bench_machine w
  JOIN mes_counter c ON c.workcenter_id = w.id
 CROSS JOIN generate_series(0, 209) AS n
 CROSS JOIN LATERAL (SELECT %(end)s::timestamp - interval '3 hours' + n * interval '1 minute' AS at) t;
