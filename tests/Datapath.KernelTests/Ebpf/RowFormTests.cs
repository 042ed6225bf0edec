using System.Net;
using System.Text;
using Datapath.Backends;
using Datapath.Backends.Ebpf.Image;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Rows of both forms in the kernel: evaluator, tables and the shipped program say the same, whatever the form.</summary>
public sealed class RowFormTests(ITestOutputHelper output)
{
    private const int Networks = 5;

    [KernelTheory]
    [InlineData(RowForm.Dense, 100)]
    [InlineData(RowForm.Compressed, 100)]
    [InlineData(RowForm.Dense, 400)]
    [InlineData(RowForm.Compressed, 400)]
    public void The_program_judges_like_the_evaluator(RowForm form, int ports)
    {
        using var lab = new ProgramLab(options => options with { Rows = form });
        ApplyReport applied = lab.Apply(Checkered(ports));
        Assert.Equal(RowFormText.Of(form), applied.Matrix!.RowForm);
        AssertAgreement(lab, Checkered(ports), ports);
    }

    [KernelFact]
    public void More_descriptors_than_sixteen_bits_can_name_are_judged_right()
    {
        using var lab = new ProgramLab();
        string yaml = Observed(270);
        ApplyReport applied = lab.Apply(yaml);
        Assert.Equal("compressed", applied.Matrix!.RowForm);
        Assert.True(lab.Policy!.Descriptors.Length > 65536);
        AssertAgreement(lab, yaml, ports: 270);
    }

    [KernelFact]
    public void Where_dense_rows_do_not_fit_compressed_ones_are_written()
    {
        string yaml = Manifold(networks: 700, ports: 280);
        var sizes = new Dictionary<RowForm, long>();
        using (var roomy = new ProgramLab())
        {
            ApplyReport dense = roomy.Apply(yaml);
            Assert.Equal("dense", dense.Matrix!.RowForm);
            sizes[RowForm.Dense] = dense.BytesUsed;
            sizes[RowForm.Compressed] = PolicyImageEncoder.Encode(roomy.Policy!, RowForm.Compressed).Bytes;
        }

        Assert.True(sizes[RowForm.Compressed] < sizes[RowForm.Dense]);
        using var narrow = new ProgramLab(options => options with { ArenaBytes = sizes[RowForm.Dense] - PolicyImage.LineBytes });
        ApplyReport applied = narrow.Apply(yaml);
        Assert.Equal(("compressed", sizes[RowForm.Compressed]), (applied.Matrix!.RowForm, applied.BytesUsed));
        Assert.False(narrow.Apply(yaml).Changed);
    }

    /// <summary>Packets from every network to ports inside and beside every rule: verdict and rule of the program are those of the evaluator.</summary>
    private void AssertAgreement(ProgramLab lab, string yaml, int ports)
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var inventory = new HostInventory("host", [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("2001:db8::1")], []);
        var evaluator = new PolicyEvaluator(PolicyReader.Read("policy.yaml", yaml).Policy, inventory, new PolicyOptions());
        var reader = new CompiledPolicyReader(lab.Policy!);
        int unit = lab.Policy!.Units.Single(one => one.Name == "web").Number;
        var rules = new HashSet<(int, int)>();
        for (int i = 0; i < 400; i++)
        {
            // Half of them what a rule is about, the others anything.
            int rule = random.Next(ports);
            bool isMeant = random.Next(2) == 0;
            string source = $"10.20.{(isMeant ? rule % Networks : random.Next(Networks + 1))}.{random.Next(1, 250)}";
            ushort port = (ushort)(1000 + (isMeant ? 2 * rule : random.Next((2 * ports) + 2)));
            AddressKey peer = AddressKey.From(IPAddress.Parse(source));
            Judgement expected = evaluator.Judge(new Question(new UnitName("/t", "web"), Direction.Incoming, peer, PortTable.Tcp, port));
            Assert.Equal(expected, reader.Judge(unit, Direction.Incoming, peer, PortTable.Tcp, port));
            byte[] frame = Ethernet(IPv4(source, "10.1.0.2", Tcp, TcpHeader((ushort)(10000 + i), port, Syn)));
            bool passed = lab.Passes("web0", ingress: false, frame, forwarded: true);
            FlowEvent seen = Assert.Single(lab.TakeEvents());
            int observed = seen.ObservedRuleIndex;
            string what = $"seed {seed}: {source} tcp/{port}";
            Assert.True(passed == (expected.Verdict == Verdict.Allow), what);
            Assert.True(expected.Rule == RuleOf(lab, seen.RuleIndex), what);
            Assert.True(expected.Observed == (observed == 0 ? null : RuleOf(lab, observed)), what);
            rules.Add((seen.RuleIndex, observed));
        }

        Assert.True(rules.Count >= 50, $"seed {seed}: only {rules.Count} different outcomes were met");
    }

    private static RuleIdentity RuleOf(ProgramLab lab, int index) => lab.Policy!.Rules.Single(one => one.Index == index).Rule;

    /// <summary>One rule for every second port, each for one network of five, allowing and rejecting in turn.</summary>
    private static string Checkered(int ports) =>
        WithNetworks(Networks, rules =>
        {
            for (int i = 0; i < ports; i++)
            {
                rules.Append(Rule(i % 3 == 0 ? "Reject" : "Allow", i % Networks, $"tcp/{1000 + (2 * i)}"));
            }
        });

    /// <summary>Every port allowed to everybody, and observed for each network by a rule of its own: each pair is a descriptor.</summary>
    private static string Observed(int each) =>
        WithNetworks(each, rules =>
        {
            for (int i = 0; i < each; i++)
            {
                rules.Append("            - { action: Allow, object: [[\"externalnetwork:name=all\"]], protocolPorts: [")
                    .Append($"tcp/{1000 + (2 * i)}] }}\n");
                rules.Append(Rule("Reject", i, "any").Replace("action:", "observationEnabled: true, action:", StringComparison.Ordinal));
            }
        });

    /// <summary>Every network with a rule of its own, and so a row of its own.</summary>
    private static string Manifold(int networks, int ports) =>
        WithNetworks(networks, rules =>
        {
            for (int i = 0; i < networks; i++)
            {
                rules.Append(Rule("Allow", i, $"tcp/{1000 + (2 * (i % ports))}"));
            }
        });

    private static string WithNetworks(int count, Action<StringBuilder> write)
    {
        var rules = new StringBuilder();
        write(rules);
        var networks = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            networks.Append($"    - {{ name: n{i}, namespace: /t, associatedTags: [\"externalnetwork:name=n{i}\"], entries: [10.{20 + (i / 256)}.{i % 256}.0/24] }}\n");
        }

        return $"""
            APIVersion: 1
            label: rows
            data:
              namespaces:
                - name: /t
                  defaultPUIncomingTrafficAction: Reject
              processingunits:
                - name: web
                  namespace: /t
                  associatedTags: ["app=web"]
                  attach:
                    interface: web0
                  addresses: [10.1.0.2]
              externalnetworks:
                - name: all
                  namespace: /t
                  associatedTags: ["externalnetwork:name=all"]
                  entries: [10.0.0.0/8]
            {networks}
              networkrulesetpolicies:
                - name: ports
                  namespace: /t
                  subject: [["app=web"]]
                  incomingRules:
            {rules}
            """;
    }

    private static string Rule(string action, int network, string ports) =>
        $"            - {{ action: {action}, object: [[\"externalnetwork:name=n{network}\"]], protocolPorts: [{ports}] }}\n";
}
