using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Datapath.Agent.Configuration;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath config</c>: what an agent started here and now would be told, and by whom.</summary>
internal static class ConfigCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        AgentOption[] settings = RunCommand.OptionsOf(options);
        Command verb = CommandLine.Verb(
            "config",
            "Show each setting of `run` with its value and where that comes from; takes the options of `run`; exit 2 when one is wrong",
            options.Json
        );
        foreach (AgentOption setting in settings)
        {
            verb.Add(setting.Symbol);
        }

        // Not what is missing: this is where one looks for it.
        verb.Validators.Add(result =>
        {
            foreach (string problem in CommandLine.ProblemsOutside(settings, result.GetResult))
            {
                result.AddError(problem);
            }
        });
        verb.SetAction(parse =>
        {
            ConfigDocument answer = Read(parse, options);
            parse.InvocationConfiguration.Output.Write(
                options.Json.In(parse) ? JsonSerializer.Serialize(answer, AgentJson.Indented.ConfigDocument) + "\n" : Text(answer)
            );
            return ExitCode.Done;
        });
        return verb;
    }

    /// <summary>Each setting of <c>run</c> as it is for a command line.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="options">Every option there is.</param>
    public static ConfigDocument Read(ParseResult parse, OptionTable options)
    {
        InstanceName instance = options.Instance.In(parse);
        ConfigurationFile file = options.Instance.Sources.FileOf(parse.GetResult);
        ImmutableArray<SettingDocument> rows =
        [
            .. RunCommand.OptionsOf(options).Select(setting => Of(setting, parse.GetResult, setting == options.Socket ? instance.DefaultSocketPath
                : setting == options.StateDirectory ? instance.DefaultStateDirectory
                : setting.DefaultText ?? (setting.ValueName is null ? "no" : null))),
        ];
        return new ConfigDocument(file.Path, file.IsThere, rows);
    }

    private static SettingDocument Of(AgentOption setting, Func<Option, OptionResult?> results, string? defaultText) =>
        setting.Sources.Find(setting, results) is { } given
            ? new SettingDocument(setting.Name, setting.Environment, given.Text, Word(given.Origin), given.Place)
            : new SettingDocument(setting.Name, setting.Environment, defaultText, Word(OptionOrigin.Default), Place: null);

    private static string Text(ConfigDocument answer)
    {
        TextTable table = new(["setting", "value", "origin"], rightAligned: []);
        foreach (SettingDocument one in answer.Settings)
        {
            table.Add([one.Option, one.Value ?? "-", one.Place is null ? one.Origin : $"{one.Origin}: {one.Place}"]);
        }

        return $"file {answer.File}: {(answer.FileFound ? "read" : "not there")}\n\n{table.Render()}";
    }

    private static string Word(OptionOrigin origin) =>
        origin switch
        {
            OptionOrigin.Flag => "flag",
            OptionOrigin.Environment => "environment",
            OptionOrigin.File => "file",
            _ => "default",
        };
}
