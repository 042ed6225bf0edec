using System.Text.Json.Serialization;

namespace Datapath.Agent.Documents;

/// <summary>A line of the audit log: a change of what is enforced, or the refusal of one.</summary>
/// <param name="Time">When, RFC 3339, UTC.</param>
/// <param name="Change">What: <c>apply</c>, <c>confirm</c>, <c>rollback</c>, <c>pause</c>, <c>resume</c>, <c>reload</c> or <c>repair</c>.</param>
/// <param name="By">Who.</param>
/// <param name="Summary">What is different for packets, such as <c>rules +2 -1</c>; empty when nothing is.</param>
/// <param name="Policy">Hash of the policy in force afterwards; null when it is not known.</param>
/// <param name="GenerationBefore">The generation that packets were judged by; 0 for none.</param>
/// <param name="Generation">The one that they are judged by now.</param>
/// <param name="Result"><c>done</c>, <c>refused</c> or <c>could-not</c>.</param>
/// <param name="Message">The same for people.</param>
internal sealed record AuditDocument(
    string Time,
    string Change,
    AuditActorDocument By,
    string Summary,
    string? Policy,
    uint GenerationBefore,
    uint Generation,
    string Result,
    string Message
);

/// <summary>Who changed something.</summary>
/// <param name="Kind">
/// <c>socket</c> for a command, <c>files</c> for the policy directory, <c>host</c> for interfaces and addresses, <c>lease</c> for time that ran out,
/// <c>signal</c> for SIGHUP, <c>agent</c> for what it does by itself.
/// </param>
internal sealed record AuditActorDocument(string Kind)
{
    /// <summary>Of a command: its effective user.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? User { get; init; }

    /// <summary>That user's name, when it has one in /etc/passwd.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? UserName { get; init; }

    /// <summary>Who logged in, whatever sudo made of them since; when it is known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Login { get; init; }

    /// <summary>Of a command: its process.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Process { get; init; }

    /// <summary>Of a command: its program, as the kernel abbreviates it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Program { get; init; }

    /// <summary>Somebody at the other end of our socket.</summary>
    /// <param name="peer">Who.</param>
    public static AuditActorDocument Of(Backends.Host.SocketPeer peer) =>
        new("socket")
        {
            User = peer.User,
            UserName = peer.UserName,
            Login = peer.LoginUser,
            Process = peer.ProcessId,
            Program = peer.Program,
        };
}
