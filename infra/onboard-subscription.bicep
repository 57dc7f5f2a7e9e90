// Lets a subscription tell Tether of its changes. Run after the code is deployed, since Azure asks the function whether
// it wants the events; it may be run again.
//
//   az deployment sub create --subscription <spoke> --location <region> --template-file infra/onboard-subscription.bicep \
//     --parameters functionId=<…/functions/resource_event> storageAccountId=<…>
//
// A subscription may have one system topic. Where there is one, name it with existingTopicId: it is not written. What it
// lacks then is off, and told in the outputs.
targetScope = 'subscription'

@description('Id of the function: <id of the function app>/functions/resource_event')
param functionId string

@description('Id of the storage account with the queue and the dead-letter container')
param storageAccountId string

@description('Region of the resource group that is made for the topic')
param location string = deployment().location

@description('Resource group that is made for the topic, where there is none')
param resourceGroupName string = 'rg-tether-events'

@description('Id of the system topic of this subscription, where one exists')
param existingTopicId string = ''

@description('Principal id of the system-assigned identity of that topic; empty: it has none, so that dead-lettering is off and only function delivery can be had')
param existingTopicPrincipalId string = ''

@description('Where events go: function, or queue for tenants without public inbound')
@allowed([
  'function'
  'queue'
])
param delivery string = 'function'

@description('Name of the event subscription')
param eventSubscriptionName string = 'tether'

@description('Name of the queue')
param queueName string = 'tether-work'

@description('Name of the dead-letter container')
param deadLetterContainer string = 'tether-dead-letters'

@description('Tags')
param tags object = {}

var eventFilter = loadJsonContent('events.json')
var isOurs = empty(existingTopicId)
var hasIdentity = isOurs || !empty(existingTopicPrincipalId)
var canDeliver = delivery == 'function' || hasIdentity
var topicName = isOurs ? 'evgt-tether-${uniqueString(subscription().id)}' : last(split(existingTopicId, '/'))
var topicGroup = isOurs ? resourceGroupName : split(existingTopicId, '/')[4]
var storageSubscription = split(storageAccountId, '/')[2]
var storageGroup = split(storageAccountId, '/')[4]
var storageName = last(split(storageAccountId, '/'))

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (isOurs) {
  name: resourceGroupName
  location: location
  tags: tags
}

module topic 'modules/system-topic.bicep' = if (isOurs) {
  name: 'tether-topic'
  scope: resourceGroup(resourceGroupName)
  params: {
    name: topicName
    tags: tags
  }
  dependsOn: [
    group
  ]
}

module deadLetters 'modules/dead-letter-writer.bicep' = if (hasIdentity) {
  name: 'tether-dead-letters-${uniqueString(subscription().id)}'
  scope: resourceGroup(storageSubscription, storageGroup)
  params: {
    storageAccountName: storageName
    containerName: deadLetterContainer
    principalId: isOurs ? topic.outputs.principalId : existingTopicPrincipalId
  }
}

module queue 'modules/queue-sender.bicep' = if (hasIdentity && delivery == 'queue') {
  name: 'tether-queue-${uniqueString(subscription().id)}'
  scope: resourceGroup(storageSubscription, storageGroup)
  params: {
    storageAccountName: storageName
    queueName: queueName
    principalId: isOurs ? topic.outputs.principalId : existingTopicPrincipalId
  }
}

module events 'modules/event-subscription.bicep' = if (canDeliver) {
  name: 'tether-events'
  scope: resourceGroup(topicGroup)
  params: {
    topicName: topicName
    name: eventSubscriptionName
    delivery: delivery
    hasIdentity: hasIdentity
    functionId: functionId
    storageAccountId: storageAccountId
    queueName: queueName
    deadLetterContainer: deadLetterContainer
    eventFilter: eventFilter
  }
  dependsOn: [
    topic
    deadLetters
    queue
  ]
}

output topicName string = topicName
output topicResourceGroup string = topicGroup
output isDelivering bool = canDeliver
output isDeadLettering bool = canDeliver && hasIdentity
output advice string = hasIdentity ? '' : 'The topic is not Tether\'s and has no identity: dead-lettering and delivery to a queue are off. Its owner can add one: az eventgrid system-topic update --name ${topicName} --resource-group ${topicGroup} --identity systemassigned; then run this again with existingTopicPrincipalId.'
