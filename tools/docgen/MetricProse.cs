namespace Datapath.DocGen;

/// <summary>What no table can say: the paragraphs of <c>docs/metrics.md</c>.</summary>
internal static class MetricProse
{
    public const string Opening = """
        The agent shows its metrics at `http://127.0.0.1:9469/metrics`, and at `/metrics` on its Unix socket. `--metrics-listen` names another address and port,
        or `none` for the socket alone. The page has two forms, of which the asker's `Accept` header chooses: Prometheus' text format 0.0.4 and OpenMetrics 1.0.0.

        The port shows this page and nothing else, to everybody who reaches it: names of rulesets and namespaces are on it. A Prometheus on another host needs
        `--metrics-listen` with an address of this host, and a rule that lets it in:

        ```
        scrape_configs:
          - job_name: datapath
            static_configs:
              - targets: ["192.0.2.1:9469"]
        ```

        A port that is taken, or an address that is not there yet, is tried again every five seconds; the log says so once. A scrape reads counters; packets do not wait for it. The
        kernel is asked once a second at most, however many ask.

        The numbers come from instruments of one meter (`System.Diagnostics.Metrics`, meter `Datapath`), so another exporter can be put in place of this page and
        gives the same names. The instruments of the runtime (meter `System.Runtime`) are on the page as `dotnet_*`.
        """;

    public const string Labels = """
        - `action`: `accept` or `reject`. `direction`: `incoming` or `outgoing`, seen from the unit that was judged; of rules, the list that the rule stands in.
        - `hook`: where packets are judged: `tc-ingress`, `tc-egress`; with iptables `mangle`, for both of its hooks.
        - `reason`: `none` for what passed, else as `dropReason` in [flow records](flows.md).
        - `type`, `namespace`, `ruleset`, `rule` (its place from 1), `rule_name`: as in flow records.
        - `table`: `tcp4` … for flows that both ends agreed on, `new-tcp4` … for the others; with iptables `nf_conntrack`, which is everybody's.
        - `cause`: `not-ip`, `forwarded` (on its way through the host to others), `other-station` (for another MAC address), `judged-above` (at the VLAN
          interface), `pause` (denied, and passed because enforcement is paused), `older-than-policy` (may answer a flow from before the first policy). With
          iptables only `pause` is counted: packets that need no verdict do not come to its chains.
        - `where`: `rate-limit`, `kernel-buffer`, `queue`, `listener`: where events were lost on their way. With iptables `rate-limit` counts what was held
          back of denied packets since the agent was started: its rules do not tell how many new allowed flows their limit (1,000 a second of each rule) held back.
        - `state` of the policy: as `policy.state` in `datapath status`. `state` of units: `enforced`, `not-enforced`. `kind` of a lease: `trial`, `pause`.
        - `result`: `applied`, `unchanged`, `refused` (it has errors), `not-taken` (the kernel would not have it).

        Rules in force have a series each, with zero before their first packet. Where there are more rules than `--metrics-per-rule` (1,000), those have series that
        are seen to count first, until they are not in force any more; `datapath_rules_unlisted` says how many have none. A rule that was changed begins at zero.
        """;

    public const string Backends = """
        Counters of rules and drops stand in the kernel and go on while no agent runs. With eBPF, what passed is counted by hook and direction since the agent
        started; of each rule it is exact whatever happens to agents. With iptables, rules count and verdicts are their sums since the agent started: an answer has the
        direction of its opener's rule, and what was revoked is among what policy rejects. The table is nf_conntrack's, with everybody's connections, and so are the
        failures; inserts are not counted, and there are no resets.
        """;

    public const string Monitoring = """
        `docs/monitoring/dashboard.json` is a dashboard for Grafana (import it, choose a Prometheus), `docs/monitoring/alerts.yaml` has alert rules for Prometheus
        (`rule_files`), and `docs/monitoring/alerts.test.yaml` says when each fires and when not; `./build.sh check` has promtool try that.
        """;
}
