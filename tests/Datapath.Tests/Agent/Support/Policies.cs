namespace Datapath.Tests.Agent.Support;

/// <summary>Policy files that tests write.</summary>
internal static class Policies
{
    public const string Broken = "APIVersion: 1\nlabel: broken\ndata:\n  networkrulesetpolicies: [\n";

    /// <summary>A sound file with one rule of the host, on this port.</summary>
    public static string Allowing(int port) =>
        $"""
            APIVersion: 1
            label: shop-{port}
            data:
              networkrulesetpolicies:
                - name: web-{port}
                  subject: [["$type=Host"]]
                  incomingRules:
                    - action: Allow
                      object: [["$identity=processingunit"]]
                      protocolPorts: ["tcp/{port}"]
            """;
}
