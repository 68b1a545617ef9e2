// Package cron says when a schedule fires: it reads cron expressions and finds their next times. It is for those who propose
// commands, never for package task: time zone data may differ between members, so that what it says travels in commands.
//
// An expression has five fields (minute, hour, day of the month, month, day of the week), or six with the second in front.
// Fields take *, numbers, names of months and days, ranges, lists and steps; a day matches if the day of the month or that of the
// week does, where both are restricted. @hourly, @daily, @weekly, @monthly, @yearly, and @every with a duration of whole seconds
// stand for themselves. @every fires at the multiples of its duration since the schedule's start, or since 1970 without one.
//
// # Daylight saving time
//
// Expressions are read on the wall clock of the schedule's time zone. A local time that doesn't exist, as the clock is put
// forward over it, fires at the moment of that change; several such times fire there once. A local time that happens twice fires
// the first time. Expressions for every hour, whose hour is *, go by the time that passes instead: what is skipped isn't made
// up for, and what happens twice fires twice, so that "*/15 * * * *" fires every quarter of an hour all the year.
//
// The package brings its own time zone data for systems that have none.
package cron
