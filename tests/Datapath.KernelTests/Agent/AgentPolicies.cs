namespace Datapath.KernelTests.Agent;

/// <summary>The policies of these tests, for the hosts of <see cref="AgentLab"/>: everything is rejected that no rule allows.</summary>
internal static class AgentPolicies
{
    /// <summary>The client may open tcp/80, udp/53 and ping on router and web; both may open tcp/443 to the client.</summary>
    public static string Friends { get; } = Allowing("tcp/80, udp/53, icmp/8, icmp6/128");

    /// <summary>The same with another TCP port instead of everything incoming.</summary>
    public static string Only81 { get; } = Allowing("tcp/81");

    /// <summary>A policy that has an error in its line 4.</summary>
    public static string Broken { get; } = """
        APIVersion: 1
        label: broken
        data:
          networkrulesetpolicies: 7
        """;

    /// <summary>What the client may open on router and web.</summary>
    /// <param name="ports">As a list of YAML without its brackets.</param>
    public static string Allowing(string ports) => Between(ports, "tcp/443");

    /// <summary>What friends may open on router and web, and router and web on friends; everything else is rejected.</summary>
    /// <param name="incoming">Ports as a list of YAML without its brackets; null for no rule.</param>
    /// <param name="outgoing">The same the other way.</param>
    /// <param name="friends">Who is a friend, as a list of YAML without its brackets.</param>
    public static string Between(string? incoming, string? outgoing, string friends = "10.77.0.2/32, \"2001:db8:77::2/128\"") =>
        Units("Reject", friends)
        + $"""
              networkrulesetpolicies:
                - name: everyone
                  namespace: /t
                  subject: [["$identity=processingunit"]]
            {Rule("incomingRules", "services", incoming)}{Rule("outgoingRules", "updates", outgoing)}
            """;

    /// <summary>
    /// What <see cref="Friends"/> says, and besides it many networks, each of which may open a TCP port of its own; the clients are in all of them.
    /// </summary>
    /// <param name="count">How many networks.</param>
    public static string Many(int count)
    {
        string networks = string.Concat(
            Enumerable.Range(0, count).Select(i => $"    - {{name: n{i}, namespace: /t, associatedTags: [\"externalnetwork:name=n{i}\"], entries: [10.{100 + (i / 250)}.{i % 250}.0/24, 10.77.0.0/16]}}\n")
        );
        string rules = string.Concat(
            Enumerable.Range(0, count).Select(i => $"        - {{name: r{i}, action: Allow, object: [[\"externalnetwork:name=n{i}\"]], protocolPorts: [tcp/{1000 + (3 * i)}]}}\n")
        );
        return Units("Reject")
            + networks
            + """
                networkrulesetpolicies:
                  - name: everyone
                    namespace: /t
                    subject: [["$identity=processingunit"]]

              """
            + Rule("incomingRules", "services", "tcp/80, udp/53, icmp/8, icmp6/128").TrimEnd('\n')
            + "\n"
            + rules
            + Rule("outgoingRules", "updates", "tcp/443");
    }

    /// <summary>The units, who is a friend, and what happens where no rule says anything; no rule.</summary>
    /// <param name="otherwise"><c>Allow</c> or <c>Reject</c>.</param>
    /// <param name="friends">As a list of YAML without its brackets.</param>
    public static string Units(string otherwise, string friends = "10.77.0.2/32, \"2001:db8:77::2/128\"") =>
        $$"""
        APIVersion: 1
        label: agent-tests
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: {{otherwise}}
              defaultPUOutgoingTrafficAction: {{otherwise}}
          processingunits:
            - name: router
              namespace: /t
              attach: { host: true }
            - name: web
              namespace: /t
              attach: { interface: web0 }
              addresses: [10.78.0.2, "2001:db8:78::2"]
          externalnetworks:
            - name: friends
              namespace: /t
              associatedTags: ["externalnetwork:name=friends"]
              entries: [{{friends}}]

        """;

    private static string Rule(string direction, string name, string? ports) =>
        ports is null
            ? ""
            : $$"""
                      {{direction}}:
                        - name: {{name}}
                          action: Allow
                          object: [["externalnetwork:name=friends"]]
                          protocolPorts: [{{ports}}]

                """;
}
