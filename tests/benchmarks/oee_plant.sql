-- The facts of the OEE benchmark: %(machines)s machines, %(days)s days from %(begin)s (UTC).
-- A machine runs 7 minutes and stops for 1 (a minor stop) or, every tenth time, runs 5 and stops for 3;
-- so its state changes every 4 minutes. Its total is read every minute, its rejects every ten.

INSERT INTO mes_state_point (workcenter_id, company_id, lane, at, until, raw, value, code, map_revision, quality,
                             recv, priority, stream, seq)
SELECT w.id, w.company_id, 'state', t.at, lead(t.at) OVER (PARTITION BY w.id ORDER BY t.at), t.value, t.value,
       CASE WHEN t.value = 'down' THEN (17 + t.n %% 5)::text END, 1, 'good', t.at, 0, 'BENCH', 2 * t.n
  FROM bench_machine w
 CROSS JOIN LATERAL (
       SELECT n, at, value FROM generate_series(0, %(days)s * 180 - 1) AS n
        CROSS JOIN LATERAL (VALUES
              (%(begin)s::timestamp + n * interval '8 minutes' + w.number * interval '1370 milliseconds', 'running'),
              (%(begin)s::timestamp + n * interval '8 minutes' + w.number * interval '1370 milliseconds'
               + CASE WHEN n %% 10 = 0 THEN interval '5 minutes' ELSE interval '7 minutes' END
               + n %% 60 * interval '150 milliseconds', 'down')) AS c(at, value)) t;

INSERT INTO mes_evidence_span (workcenter_id, company_id, stream, at_from, at_until)
SELECT w.id, w.company_id, 'BENCH', %(begin)s::timestamp + d * interval '1 day',
       %(begin)s::timestamp + (d + 1) * interval '1 day' - interval '3 minutes'
  FROM bench_machine w CROSS JOIN generate_series(0, %(days)s - 1) AS d;

INSERT INTO mes_count_point (counter_id, workcenter_id, company_id, counter_epoch, at, raw, total, delta, decision,
                             quality, recv, priority, stream, seq)
SELECT c.id, w.id, w.company_id, 1, t.at, t.total, t.total, t.step, 'step', 'good', t.at, 0, 'BENCH', n
  FROM bench_machine w
  JOIN mes_counter c ON c.workcenter_id = w.id
 CROSS JOIN LATERAL (SELECT CASE c.role WHEN 'total' THEN 1 ELSE 10 END AS minutes,
                            CASE c.role WHEN 'total' THEN 50 + w.number %% 7 ELSE 9 + w.number %% 3 END AS step) p
 CROSS JOIN LATERAL (
       SELECT n, n * p.step AS total, p.step,
              %(begin)s::timestamp + n * p.minutes * interval '1 minute' + w.number * interval '230 milliseconds' AS at
         FROM generate_series(0, %(days)s * 1440 / p.minutes - 1) AS n) t;

INSERT INTO mes_order_run (workcenter_id, company_id, product_id, at_from, at_until, share, recorded_at, origin)
SELECT w.id, w.company_id, p.ids[1 + (n + w.number) %% array_length(p.ids, 1)],
       %(begin)s::timestamp + n * interval '10 hours' + w.number * interval '1 minute',
       %(begin)s::timestamp + (n + 1) * interval '10 hours' + w.number * interval '1 minute' - interval '15 minutes',
       1, %(begin)s::timestamp, 'rule'
  FROM bench_machine w
 CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM product_product WHERE default_code LIKE 'BENCH%%') p
 CROSS JOIN generate_series(0, %(days)s * 24 / 10) AS n;

ANALYZE mes_state_point;
ANALYZE mes_evidence_span;
ANALYZE mes_count_point;
ANALYZE mes_order_run;
