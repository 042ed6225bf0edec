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
    public static string Allowing(string ports) =>
        $$"""
        APIVersion: 1
        label: agent-tests
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: Reject
              defaultPUOutgoingTrafficAction: Reject
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
              entries: [10.77.0.2/32, "2001:db8:77::2/128"]
          networkrulesetpolicies:
            - name: everyone
              namespace: /t
              subject: [["$identity=processingunit"]]
              incomingRules:
                - name: services
                  action: Allow
                  object: [["externalnetwork:name=friends"]]
                  protocolPorts: [{{ports}}]
              outgoingRules:
                - name: updates
                  action: Allow
                  object: [["externalnetwork:name=friends"]]
                  protocolPorts: [tcp/443]

        """;
}
