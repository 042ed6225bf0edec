using System.Text.Json;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>What tests ask of an agent's status.</summary>
internal static class AgentStatus
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(20);

    /// <summary>The generation that packets are judged by.</summary>
    public static uint Generation(this JsonElement status) => status.GetProperty("generation").GetUInt32();

    /// <summary>What became of the policy directory: <c>applied</c>, <c>refused</c>, ….</summary>
    public static string PolicyState(this JsonElement status) => status.GetProperty("policy").GetProperty("state").GetString()!;

    /// <summary>Why a unit is not judged; null when it is.</summary>
    public static string? NotEnforced(this JsonElement status, string unit) => Unit(status, unit).GetProperty("notEnforced").GetString();

    /// <summary>Where a unit is judged, such as <c>web0 tcx</c>.</summary>
    public static IReadOnlyList<string> Places(this JsonElement status, string unit) =>
        [.. Unit(status, unit).GetProperty("attachedTo").EnumerateArray().Select(one => $"{one.GetProperty("interface")} {one.GetProperty("hooks")}")];

    /// <summary>Asks until the answer is as wanted.</summary>
    /// <param name="agent">Whom.</param>
    /// <param name="isWanted">What is waited for.</param>
    /// <exception cref="TimeoutException">It never was; the message carries the last answer and the agent's log.</exception>
    public static async Task<JsonElement> StatusUntilAsync(this RunningAgent agent, Func<JsonElement, bool> isWanted)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            JsonElement status = await agent.Api.StatusAsync(token);
            if (isWanted(status))
            {
                return status;
            }

            if (TimeProvider.System.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"still {status}\n{string.Join('\n', agent.Output)}");
            }

            await Task.Delay(BetweenQuestions, token);
        }
    }

    private static JsonElement Unit(JsonElement status, string name) =>
        status.GetProperty("units").EnumerateArray().SingleOrDefault(unit => unit.GetProperty("name").ValueEquals(name)) is { ValueKind: JsonValueKind.Object } one
            ? one
            : throw new InvalidOperationException($"there is no unit {name} in {status}");
}
