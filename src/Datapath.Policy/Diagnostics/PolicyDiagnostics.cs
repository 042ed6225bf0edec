using System.Collections.Immutable;

namespace Datapath.Policy.Diagnostics;

/// <summary>Every code that reading policy files can give, in one table. Numbers are stable: a retired one stays reserved.</summary>
public static class PolicyDiagnostics
{
    // First in the file: fields are initialised in the order they are written.
    private static readonly List<DiagnosticCode> Defined = [];

    // DP10xx: the text is not a document that can be read.
    /// <summary>File too long.</summary>
    public static readonly DiagnosticCode FileTooLong = Error(1001, "file too long", "split the policy into several files");

    /// <summary>Not YAML.</summary>
    public static readonly DiagnosticCode NotYaml = Error(
        1002,
        "not YAML",
        "check the indentation, brackets and quotes before this place"
    );

    /// <summary>Nested too deeply.</summary>
    public static readonly DiagnosticCode TooDeep = Error(
        1003,
        "nested too deeply",
        "no field of a policy file is nested this deeply"
    );

    /// <summary>Too many aliases.</summary>
    public static readonly DiagnosticCode AliasBudget = Error(
        1004,
        "too many aliases",
        "write the repeated part out, or split the file"
    );

    /// <summary>Too many values.</summary>
    public static readonly DiagnosticCode TooManyValues = Error(1005, "too many values", "split the policy into several files");

    /// <summary>Duplicate key.</summary>
    public static readonly DiagnosticCode DuplicateKey = Error(1006, "duplicate key", "keep one of the two");

    /// <summary>Key is not text.</summary>
    public static readonly DiagnosticCode KeyNotText = Error(1007, "key is not text", "write the name of a field before the colon");

    /// <summary>YAML tag.</summary>
    public static readonly DiagnosticCode YamlTag = Error(1008, "YAML tag", "put the value in quotes: a bare `!` begins a YAML tag");

    /// <summary>Alias without anchor.</summary>
    public static readonly DiagnosticCode UnknownAlias = Error(
        1009,
        "alias without anchor",
        "define the anchor with `&name` before it is used"
    );

    /// <summary>Bad merge key.</summary>
    public static readonly DiagnosticCode BadMerge = Error(1010, "bad merge key", "`<<` takes a mapping or a list of mappings");

    /// <summary>Control character.</summary>
    public static readonly DiagnosticCode ControlCharacter = Error(1011, "control character", "save the file as plain text in UTF-8");

    /// <summary>More problems.</summary>
    public static readonly DiagnosticCode MoreProblems = Warning(1012, "more problems", "repair these first");

    // DP11xx: the document is not one of ours.
    /// <summary>Go template.</summary>
    public static readonly DiagnosticCode Template = Error(
        1101,
        "Go template",
        "render it first, for example with `apoctl api import --render`"
    );

    /// <summary>Kubernetes form.</summary>
    public static readonly DiagnosticCode Kubernetes = Error(
        1102,
        "Kubernetes form",
        "write the object without `apiVersion` and `kind`: the content of `spec` with its name, under `data:`"
    );

    /// <summary>Legacy resource.</summary>
    public static readonly DiagnosticCode Legacy = Error(1103, "legacy resource", "rewrite it as `networkrulesetpolicies`");

    /// <summary>Unknown document.</summary>
    public static readonly DiagnosticCode UnknownDocument = Error(
        1104,
        "unknown document",
        "write an import file (`APIVersion`, `label`, `data`) or one object with the fields that tell its kind"
    );

    /// <summary>Unknown APIVersion.</summary>
    public static readonly DiagnosticCode BadApiVersion = Error(1105, "unknown APIVersion", "write `APIVersion: 1`");

    /// <summary>Unknown resource.</summary>
    public static readonly DiagnosticCode UnknownResource = Warning(
        1106,
        "unknown resource",
        "it is not read; docs/ruleset.md lists the resources"
    );

    /// <summary>Label used again.</summary>
    public static readonly DiagnosticCode LabelReplaced = Warning(
        1107,
        "label used again",
        "give the files different labels to keep both"
    );

    /// <summary>Resource without meaning here.</summary>
    public static readonly DiagnosticCode UnusedResource = Warning(
        1108,
        "resource without meaning here",
        "it does not bear on packets and is not read; leave it out"
    );

    /// <summary>Misspelt resource.</summary>
    public static readonly DiagnosticCode MisspeltResource = Error(1109, "misspelt resource", "docs/ruleset.md lists the resources");

    // DP12xx: fields, whatever they mean.
    /// <summary>Unknown field.</summary>
    public static readonly DiagnosticCode UnknownField = Warning(
        1201,
        "unknown field",
        "it is not read; docs/ruleset.md lists the fields"
    );

    /// <summary>Missing field.</summary>
    public static readonly DiagnosticCode MissingField = Error(1202, "missing field", "add the field");

    /// <summary>Wrong type.</summary>
    public static readonly DiagnosticCode WrongType = Error(1203, "wrong type", "docs/ruleset.md shows the form of each field");

    /// <summary>Not a boolean.</summary>
    public static readonly DiagnosticCode NotBoolean = Error(1204, "not a boolean", "write `true` or `false`, without quotes");

    /// <summary>Unknown value.</summary>
    public static readonly DiagnosticCode UnknownValue = Error(
        1205,
        "unknown value",
        "docs/ruleset.md lists the values of each field"
    );

    /// <summary>Text too long.</summary>
    public static readonly DiagnosticCode TextTooLong = Error(1206, "text too long", "shorten it");

    /// <summary>Rule without action.</summary>
    public static readonly DiagnosticCode NoAction = Warning(
        1207,
        "rule without action",
        "write `action: Allow` or `action: Reject`"
    );

    // DP13xx: tags and expressions.
    /// <summary>Malformed tag.</summary>
    public static readonly DiagnosticCode BadTag = Error(
        1301,
        "malformed tag",
        "write `key=value`: no blank in the key, a value, fewer than 1024 bytes in all"
    );

    /// <summary>Reserved tag.</summary>
    public static readonly DiagnosticCode ReservedTag = Error(
        1302,
        "reserved tag",
        "a tag of your own does not begin with `@`, `$` or `+`"
    );

    /// <summary>Bad metadata.</summary>
    public static readonly DiagnosticCode BadMetadata = Error(1303, "bad metadata", "metadata begins with `@` and not with `@auth:`");

    /// <summary>Bad organizational metadata.</summary>
    public static readonly DiagnosticCode BadOrganization = Error(1304, "bad organizational metadata", "write `@org:key=value`");

    /// <summary>Empty expression.</summary>
    public static readonly DiagnosticCode EmptyExpression = Error(
        1305,
        "empty expression",
        "write at least one list with at least one tag: `[[key=value]]`"
    );

    /// <summary>Tag twice.</summary>
    public static readonly DiagnosticCode TagTwice = Error(1306, "tag twice", "keep one of the two");

    /// <summary>Clause twice.</summary>
    public static readonly DiagnosticCode ClauseTwice = Error(
        1307,
        "clause twice",
        "keep one of the two; the order of tags does not matter"
    );

    /// <summary>Bad tag prefix.</summary>
    public static readonly DiagnosticCode BadPrefix = Error(
        1308,
        "bad tag prefix",
        "write the beginning of a tag, for example `role=`"
    );

    // DP14xx: networks.
    /// <summary>Malformed network entry.</summary>
    public static readonly DiagnosticCode BadEntry = Error(
        1401,
        "malformed network entry",
        "write a network (10.0.0.0/8), an IPv4 address, a host name, `*.` and a host name, or `!` and a network in quotes"
    );

    /// <summary>Network twice.</summary>
    public static readonly DiagnosticCode NetworkTwice = Error(1402, "network twice", "keep one of the two");

    /// <summary>Hole outside.</summary>
    public static readonly DiagnosticCode HoleOutside = Error(
        1403,
        "hole outside",
        "a hole (`!`) has to lie inside a network of the same list"
    );

    /// <summary>No network.</summary>
    public static readonly DiagnosticCode NoNetwork = Error(1404, "no network", "write at least one network or host name");

    /// <summary>Host name like an address.</summary>
    public static readonly DiagnosticCode NumericName = Warning(
        1405,
        "host name like an address",
        "an IPv4 address is four numbers from 0 to 255 without leading zeros"
    );

    /// <summary>Multicast in managed UDP networks.</summary>
    public static readonly DiagnosticCode Multicast = Error(
        1406,
        "multicast in managed UDP networks",
        "cut it out with '!224.0.0.0/4' or '!ff00::/8'"
    );

    /// <summary>Entry twice.</summary>
    public static readonly DiagnosticCode EntryTwice = Warning(1407, "entry twice", "keep one of the two");

    /// <summary>Managed UDP networks change nothing.</summary>
    public static readonly DiagnosticCode UdpNetworksIgnored = Warning(
        1408,
        "managed UDP networks",
        "units are known by their addresses, for UDP as for TCP; `targetNetworks` says where"
    );

    // DP15xx: protocolPorts.
    /// <summary>Malformed protocolPorts entry.</summary>
    public static readonly DiagnosticCode BadPort = Error(
        1501,
        "malformed protocolPorts entry",
        "write for example `tcp/443`, `udp/1000:2000`, `icmp/8/0`, `gre` or `any`"
    );

    /// <summary>Any beside others.</summary>
    public static readonly DiagnosticCode AnyNotAlone = Error(1502, "any beside others", "`any` covers the others: write it alone");

    /// <summary>ProtocolPorts entry twice.</summary>
    public static readonly DiagnosticCode PortTwice = Error(1503, "protocolPorts entry twice", "keep one of the two");

    // DP16xx: rules.
    /// <summary>Rule twice.</summary>
    public static readonly DiagnosticCode RuleTwice = Error(
        1601,
        "rule twice",
        "keep one of the two: name, logsDisabled and observationEnabled do not make rules different"
    );

    // DP17xx: namespaces.
    /// <summary>Malformed namespace.</summary>
    public static readonly DiagnosticCode BadNamespace = Error(
        1701,
        "malformed namespace",
        "write letters, digits, `-` and `_`, parts joined by single `/`"
    );

    /// <summary>Namespace too deep.</summary>
    public static readonly DiagnosticCode NamespaceTooDeep = Error(
        1702,
        "namespace too deep",
        "a namespace is at most 16 levels below the root"
    );

    // DP18xx: processing units.
    /// <summary>Bad attachment.</summary>
    public static readonly DiagnosticCode BadAttach = Error(
        1801,
        "bad attachment",
        "write exactly one of `host: true`, `interface: NAME` and `cgroup: /PATH`"
    );

    /// <summary>Malformed interface name.</summary>
    public static readonly DiagnosticCode BadInterface = Error(
        1802,
        "malformed interface name",
        "an interface name has 1 to 15 bytes, no `/`, `:` or blank, and is not `.` or `..`"
    );

    /// <summary>Malformed cgroup path.</summary>
    public static readonly DiagnosticCode BadCgroup = Error(
        1803,
        "malformed cgroup path",
        "write the path below the cgroup root, for example /system.slice/nginx.service"
    );

    /// <summary>Malformed address.</summary>
    public static readonly DiagnosticCode BadAddress = Error(
        1804,
        "malformed address",
        "write a unicast IPv4 or IPv6 address without a prefix length"
    );

    /// <summary>Address twice.</summary>
    public static readonly DiagnosticCode AddressTwice = Error(1805, "address twice", "keep one of the two");

    /// <summary>Every code, by number.</summary>
    public static ImmutableArray<DiagnosticCode> All { get; } = [.. Defined];

    private static DiagnosticCode Error(int number, string title, string help) => Define(number, DiagnosticSeverity.Error, title, help);

    private static DiagnosticCode Warning(int number, string title, string help) => Define(number, DiagnosticSeverity.Warning, title, help);

    private static DiagnosticCode Define(int number, DiagnosticSeverity severity, string title, string help)
    {
        DiagnosticCode code = new($"DP{number}", severity, title, help);
        Defined.Add(code);
        return code;
    }
}
