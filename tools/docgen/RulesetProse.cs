namespace Datapath.DocGen;

/// <summary>What no table can say: the paragraphs of <c>docs/ruleset.md</c>.</summary>
internal static class RulesetProse
{
    public const string Files = """
        A policy is one or more files of YAML or JSON. A file has one or more documents, separated by `---`; a document is

        - an **import file**, known by `APIVersion`, `label` or `data`, or
        - one **bare object**, as `apoctl api create` takes it. Its fields tell its kind: each resource below names the fields that do.
          `subject` and `object` together are an enforcer profile mapping, `subject` alone a ruleset without rules.

        Everything that is wrong is said at once, each with file, line, column, code and a way out. A file with an error is not used.

        - Two files with the same `label` are two imports of one thing: the later file (in the order of names) replaces the earlier, with a
          warning. Documents of one file are one import and add up. Objects without a label always add up.
        - Text may be written without quotes, numbers too (`name: 123`); booleans are `true` and `false` without quotes and nothing else.
          A field that is empty or `null` is absent. A name that comes twice in a mapping is an error.
        - Anchors, aliases and merge keys (`<<`) work. A `!` begins a YAML tag, so a hole (`'!10.1.0.0/16'`) stands in quotes.
        - Unknown fields and unknown resources are warnings; a resource that is nearly spelt like a known one is an error.
        - At most 32 MiB of characters, 4 million values, 32 levels and 10,000 documents in a file; at most 10,000 errors and as many warnings are listed.
        - Go templates, Kubernetes forms, and the resources that rulesets replaced (`networkaccesspolicies`, `hostservices`, `recipes`, …)
          are recognised and refused.
        """;

    public const string Tags = """
        A tag is `key=value`: the first `=` separates, the key has at least one character and no blank, the value at least one character of any
        kind. It is shorter than 1024 bytes in UTF-8. Tags are compared exactly, upper and lower case apart.

        A tag expression is a list of lists: `[[a=1, b=2], [c=3]]` means (`a=1` and `b=2`) or `c=3`. No list is empty, and no tag stands twice in
        an inner list. In the `object` of a rule no two inner lists have the same tags.
        """;

    public const string Networks = """
        | form | meaning |
        | --- | --- |
        | `10.0.0.0/8`, `fd00::/8` | a network; host bits are masked away |
        | `10.1.2.3` | one IPv4 address, in `entries` only; an IPv6 address is written with `/128` |
        | `example.com` | a host name, in `entries` only; its addresses are learned later |
        | `*.example.com` | names below `example.com`, in `entries` only; the `*` stands nowhere else |
        | `'!10.1.0.0/16'` | a hole in a network of the same list; a longer network in the list may lie in the hole again |

        The same network twice, with or without `!`, is an error, and so is a hole that lies in no network of the list or a list of holes only.
        IPv4 addresses are four numbers without leading zeros: anything else of digits and dots is read as a host name, with a warning.
        IPv4-mapped IPv6 addresses are refused: write the IPv4 form.
        """;

    public const string Ports = """
        The destination of a connection, or the type and code of its first ICMP packet. Upper and lower case are the same.

        | form | meaning |
        | --- | --- |
        | `any` | every protocol and port; stands alone |
        | `tcp/443`, `udp/53` | one port, 0 to 65535 |
        | `tcp/8000:8080` | ports from the first to the last; the last is higher |
        | `icmp`, `icmp6`, `ipv6-icmp` | every type; the last two both mean ICMPv6, protocol 58 |
        | `icmp/8` | one type, 0 to 255, every code |
        | `icmp/3/0,1,4:6` | one type, some codes |
        | `gre`, `sctp`, `ospf`, … | a protocol by name, as a whole |

        Errors: `tcp` and `udp` without a port, lists and dashes (`tcp/80,443`, `tcp/80-90`), numbers of protocols (`6`), ports of other
        protocols (`sctp/80`), an entry twice. `ipip` is protocol 94, as IANA names it; Linux's own tunnels of that name are `ipv4`, protocol 4.
        """;

    public const string Messages = """
        `file:line:column: error CODE: what is wrong`, and a line of help below it. Codes are stable.
        """;
}
